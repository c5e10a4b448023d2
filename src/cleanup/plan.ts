import type { Mark } from "../gc/collect.ts";
import type { Oid } from "../object/oid.ts";
import type { StoredObject } from "../store/port.ts";
import { neededBases } from "../transfer/keep-bases.ts";

/** What a store holds, and what is known of it. Times are the store's, in milliseconds. */
export interface Facts {
  readonly objects: readonly StoredObject[];
  /** Every content that something needs by itself; bases are found out here. */
  readonly needed: ReadonlySet<Oid>;
  readonly marks: readonly Mark[];
  readonly nowMs: number;
}

export interface Limits {
  /** Only contents that came into the store longer ago are marked or removed. */
  readonly graceMs: number;
  /** How long a content is marked before it is removed. */
  readonly delayMs: number;
  /** Removes what was never marked, too. */
  readonly now: boolean;
  /** Removes only these: what was announced. */
  readonly only?: ReadonlySet<Oid>;
}

/** A content that nothing needs, with all of its objects. */
export interface Dead {
  readonly oid: Oid;
  readonly objects: readonly StoredObject[];
  readonly storedBytes: number;
  /** When the last of its objects was written. */
  readonly writtenMs: number;
  /** Since when it is marked; undefined when it is not. */
  readonly markedMs: number | undefined;
}

export interface CleanupPlan {
  /** What goes, in waves: what an object is a difference from comes in a later one. */
  readonly waves: readonly (readonly Dead[])[];
  /** What is to be marked now. */
  readonly mark: readonly Dead[];
  /** What is marked, and not for long enough. */
  readonly waiting: readonly Dead[];
  /** Dead contents that are too young to be marked, or that such are differences from. */
  readonly young: readonly Dead[];
  /** Contents that something needs, bases included. */
  readonly live: number;
}

/**
 * Decides what to remove and what to mark, from facts alone. Whatever stays, dead or not, keeps its bases. In the order
 * of oids.
 */
export function planCleanup({ objects, needed, marks, nowMs }: Facts, { graceMs, delayMs, now, only }: Limits): CleanupPlan {
  const names = objects.map(({ name }) => name);
  const contents = group(objects, marks);
  const unneeded = new Set([...contents.keys()].filter((oid) => !needed.has(oid)));
  for (const base of neededBases(names, unneeded).keys()) unneeded.delete(base);
  const dead = [...unneeded].sort().map((oid) => contents.get(oid)!);

  const old = without(names, dead.filter(({ writtenMs }) => nowMs - writtenMs >= graceMs));
  const due = without(names, old.filter(({ oid, markedMs }) => (only?.has(oid) ?? true) && (now || (markedMs !== undefined && nowMs - markedMs >= delayMs))));
  const going = new Set(due);
  const rest = old.filter((one) => !going.has(one));
  const kept = new Set(old);
  return {
    waves: inWaves(due),
    mark: rest.filter(({ markedMs }) => markedMs === undefined),
    waiting: rest.filter(({ markedMs }) => markedMs !== undefined),
    young: dead.filter((one) => !kept.has(one)),
    live: contents.size - dead.length,
  };
}

function group(objects: readonly StoredObject[], marks: readonly Mark[]): Map<Oid, Dead> {
  const marked = new Map<Oid, number>();
  for (const { oids, writtenMs } of marks) for (const oid of oids) marked.set(oid, Math.min(writtenMs, marked.get(oid) ?? Infinity));
  const byOid = new Map<Oid, StoredObject[]>();
  for (const object of objects) {
    const known = byOid.get(object.name.oid);
    if (known) known.push(object);
    else byOid.set(object.name.oid, [object]);
  }
  const contents = new Map<Oid, Dead>();
  for (const [oid, all] of byOid) {
    const writtenMs = Math.max(...all.map(({ modifiedMs }) => modifiedMs));
    const markedMs = marked.get(oid);
    // What came after the mark is not what was marked.
    contents.set(oid, { oid, objects: all, storedBytes: all.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0), writtenMs, markedMs: markedMs !== undefined && writtenMs <= markedMs ? markedMs : undefined });
  }
  return contents;
}

/** Of `chosen`, those that nothing else is a difference from. */
function without(names: Parameters<typeof neededBases>[0], chosen: readonly Dead[]): Dead[] {
  const stay = neededBases(names, new Set(chosen.map(({ oid }) => oid)));
  return chosen.filter(({ oid }) => !stay.has(oid));
}

/** Deltas before their bases. What is in a circle, which nobody can decode, comes last. */
function inWaves(due: readonly Dead[]): Dead[][] {
  const left = new Map(due.map((one) => [one.oid, one]));
  const dependents = new Map<Oid, number>();
  const basesOf = (one: Dead): Oid[] => [...new Set(one.objects.flatMap(({ name }) => (name.base !== undefined && left.has(name.base) ? [name.base] : [])))];
  for (const one of due) for (const base of basesOf(one)) dependents.set(base, (dependents.get(base) ?? 0) + 1);
  const waves: Dead[][] = [];
  for (let wave = due.filter(({ oid }) => !dependents.get(oid)); wave.length > 0; ) {
    waves.push(wave);
    const next: Dead[] = [];
    for (const one of wave) {
      left.delete(one.oid);
      for (const base of basesOf(one)) {
        dependents.set(base, dependents.get(base)! - 1);
        if (dependents.get(base) === 0) next.push(left.get(base)!);
      }
    }
    wave = next.sort((a, b) => (a.oid < b.oid ? -1 : 1));
  }
  if (left.size > 0) waves.push([...left.values()]);
  return waves;
}
