import type { Oid } from "../object/oid.ts";
import type { StoredObject } from "../store/port.ts";
import { compare } from "../transfer/chains.ts";

/** Why a content stays in the local store; the first that holds. */
export type KeepReason = (typeof REASONS)[number];

const REASONS = ["unpushed", "absent", "recent", "base", "room"] as const;

export interface Facts {
  /** Every object of the local store. */
  readonly objects: readonly StoredObject[];
  /** Contents that something here needs and that no remote is known to have the commits of. */
  readonly unpushed: ReadonlySet<Oid>;
  /** Contents that the remote store can give by itself, right now. */
  readonly present: ReadonlySet<Oid>;
  /** When each content was last of use, in milliseconds since 1970; `Infinity` for what is in use now. */
  readonly lastUseMs: (oid: Oid) => number;
  readonly nowMs: number;
}

export interface Limits {
  /** What was of use for so long back stays; undefined: nothing goes for its age. */
  readonly recentMs: number | undefined;
  /** How much may stay; undefined: any. What must stay does so although it is more. */
  readonly limitBytes: number | undefined;
}

/** A content of the local store, with all of its objects. */
export interface Cached {
  readonly oid: Oid;
  readonly objects: readonly StoredObject[];
  readonly storedBytes: number;
  readonly lastUseMs: number;
}

export interface PrunePlan {
  /** What goes, in waves: what an object is a difference from comes in a later one. */
  readonly waves: readonly (readonly Cached[])[];
  readonly kept: ReadonlyMap<KeepReason, readonly Cached[]>;
}

/**
 * Decides what to evict, from facts alone: what is pushed and can be had again, and is old or, where there is a limit,
 * is what was not of use for the longest. What stays keeps everything that it stands on.
 */
export function planPrune(facts: Facts, { recentMs, limitBytes }: Limits): PrunePlan {
  const { unpushed, present, nowMs } = facts;
  const contents = group(facts);
  const kept = new Map<KeepReason, Cached[]>();
  const keep = (one: Cached, reason: KeepReason): void => {
    const some = kept.get(reason);
    if (some) some.push(one);
    else kept.set(reason, [one]);
  };
  const free: Cached[] = [];
  for (const one of contents.values()) {
    if (unpushed.has(one.oid)) keep(one, "unpushed");
    else if (!present.has(one.oid)) keep(one, "absent");
    else free.push(one);
  }
  free.sort(leastRecentFirst);
  const eviction = new Eviction(contents);
  for (const one of free) if (recentMs !== undefined && nowMs - one.lastUseMs >= recentMs) eviction.evict(one);
  for (const one of free) {
    if (limitBytes === undefined || eviction.leftBytes <= limitBytes) break;
    eviction.evict(one);
  }
  for (const one of free) if (!eviction.waveOf.has(one.oid)) keep(one, eviction.blocked.has(one.oid) ? "base" : recentMs === undefined ? "room" : "recent");
  const inOrder = new Map(REASONS.flatMap((reason): [KeepReason, Cached[]][] => (kept.has(reason) ? [[reason, kept.get(reason)!]] : [])));
  const waves: Cached[][] = [];
  for (const [oid, wave] of eviction.waveOf) (waves[wave] ??= []).push(contents.get(oid)!);
  return { waves, kept: inOrder };
}

/** Takes contents away one by one, each only when nothing that is left stands on it. */
class Eviction {
  /** The wave in which each evicted content goes, from 0. */
  readonly waveOf = new Map<Oid, number>();
  /** Contents that should have gone, and that something stands on. */
  readonly blocked = new Set<Oid>();
  leftBytes = 0;
  readonly #contents: ReadonlyMap<Oid, Cached>;
  /** How many of what is left stand on each content. */
  readonly #dependents = new Map<Oid, number>();
  readonly #earliest = new Map<Oid, number>();

  constructor(contents: ReadonlyMap<Oid, Cached>) {
    this.#contents = contents;
    for (const one of contents.values()) {
      this.leftBytes += one.storedBytes;
      for (const base of basesOf(one)) this.#dependents.set(base, (this.#dependents.get(base) ?? 0) + 1);
    }
  }

  evict(content: Cached): void {
    // What was blocked by this one alone is not of later use than it, and follows.
    const queue = [content];
    for (const one of queue) {
      const { oid } = one;
      if (this.waveOf.has(oid)) continue;
      if ((this.#dependents.get(oid) ?? 0) > 0) {
        this.blocked.add(oid);
        continue;
      }
      const wave = this.#earliest.get(oid) ?? 0;
      this.blocked.delete(oid);
      this.waveOf.set(oid, wave);
      this.leftBytes -= one.storedBytes;
      for (const base of basesOf(one)) {
        this.#dependents.set(base, this.#dependents.get(base)! - 1);
        this.#earliest.set(base, Math.max(wave + 1, this.#earliest.get(base) ?? 0));
        if (this.blocked.has(base)) queue.push(this.#contents.get(base)!);
      }
    }
  }
}

function basesOf({ oid, objects }: Cached): Iterable<Oid> {
  if (objects.every(({ name }) => name.base === undefined)) return NO_BASE;
  return new Set(objects.flatMap(({ name }) => (name.base === undefined || name.base === oid ? [] : [name.base])));
}

const NO_BASE: readonly Oid[] = [];

function group({ objects, lastUseMs }: Facts): Map<Oid, Cached> {
  const byOid = new Map<Oid, StoredObject[]>();
  for (const object of objects) {
    const known = byOid.get(object.name.oid);
    if (known) known.push(object);
    else byOid.set(object.name.oid, [object]);
  }
  const contents = new Map<Oid, Cached>();
  for (const [oid, all] of byOid) contents.set(oid, { oid, objects: all, storedBytes: all.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0), lastUseMs: lastUseMs(oid) });
  return contents;
}

function leastRecentFirst(a: Cached, b: Cached): number {
  return a.lastUseMs === b.lastUseMs ? compare(a.oid, b.oid) : a.lastUseMs - b.lastUseMs;
}
