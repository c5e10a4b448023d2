import type { Context } from "../context.ts";
import { isBallastError, type BallastError } from "../errors.ts";
import { isUnreadable } from "../object/check.ts";
import type { OpenBase } from "../object/encodings.ts";
import type { Oid } from "../object/oid.ts";
import type { Store, StoredObject } from "../store/port.ts";
import { cataloguesOf, compare, type Catalogue } from "../transfer/chains.ts";
import { copyObjects } from "../transfer/copy-objects.ts";
import { choose } from "../transfer/plan-copy.ts";
import type { Wanted } from "../transfer/wanted.ts";
import type { Source } from "./source.ts";

export interface Way {
  readonly op: "upload" | "download";
  /** The first is asked for everything, each other for what those before it cannot give; a chain may come from several. */
  readonly from: readonly Source[];
  readonly to: Store;
  /** Needed where `to` is no directory: what a delta is a difference from may be anywhere. */
  readonly openBase?: OpenBase | undefined;
  /** Told what is about to be sent or counted on, bases included; returns whether what is at `to` must be looked at again. */
  readonly claim?: ((oids: Iterable<Oid>) => Promise<boolean>) | undefined;
}

/** An object that has arrived. */
export interface Brought {
  readonly object: StoredObject;
  readonly from: Source;
}

/**
 * Brings contents into a store, with all that decoding them takes, each object verified on its way. What turns out to be
 * damaged, or cannot be read, gives way to another encoding or another source; what cannot be had is left out.
 * @throws what concerns `to`, or the whole of a source that is being repaired; DISK_FULL
 */
export async function bring(context: Context, way: Way, wanted: readonly Wanted[]): Promise<Brought[]> {
  const byOid = new Map(wanted.filter(({ sizeBytes }) => !Number.isNaN(sizeBytes)).map((want) => [want.oid, want]));
  const troubles = new Troubles();
  const brought: Brought[] = [];
  let lacking: readonly Oid[] = wanted.map(({ oid }) => oid);
  for (let asked = 1; asked <= way.from.length && lacking.length > 0; asked++) {
    for (let isDone = false; !isDone; ) {
      const plan = await planFrom(way.from.slice(0, asked), way.to, lacking, context.signal);
      if (await way.claim?.(plan.objects.flatMap(({ object: { name } }) => (name.base === undefined ? name.oid : [name.oid, name.base])))) continue;
      const { arrived, all } = await carry(context, way, plan.objects, byOid, troubles);
      brought.push(...arrived);
      // What is known by now not to be had is planned without.
      if (!all) continue;
      troubles.addArchived(plan.inArchive);
      lacking = plan.failed;
      isDone = true;
    }
  }
  troubles.tell(context);
  return brought;
}

interface Plan {
  /** Bases first. */
  readonly objects: readonly Brought[];
  /** Of the wanted, what these sources cannot give. */
  readonly failed: readonly Oid[];
  /** What is in an archive, where that is why. */
  readonly inArchive: readonly Brought[];
}

/** As one plan of the sources together: of what several have, the first gives it. */
async function planFrom(sources: readonly Source[], to: Store, wanted: readonly Oid[], signal: AbortSignal): Promise<Plan> {
  const goal = new Set(wanted);
  const catalogues = await cataloguesOf([...sources, to], goal, signal);
  const destination = catalogues.pop()!;
  const owners = new Map<string, Brought>();
  for (const [i, catalogue] of catalogues.entries()) {
    for (const objects of catalogue.values()) {
      for (const object of objects) {
        const known = owners.get(object.key);
        if (!sources[i]!.refused.has(object.key) && (known === undefined || (known.object.archived && !object.archived))) owners.set(object.key, { object, from: sources[i]! });
      }
    }
  }
  const { objects, unavailable, archived } = choose(goal, together(owners.values()), destination, new Set());
  return { objects: objects.map(({ key }) => owners.get(key)!), failed: [...unavailable, ...archived], inArchive: archived.length === 0 ? [] : [...owners.values()].filter(({ object }) => object.archived) };
}

function together(all: Iterable<Brought>): Catalogue {
  const catalogue = new Map<Oid, StoredObject[]>();
  for (const { object } of all) catalogue.set(object.name.oid, [...(catalogue.get(object.name.oid) ?? []), object].sort((a, b) => compare(a.key, b.key)));
  return catalogue;
}

/** Carries out a plan, source by source as bases allow. @returns what arrived, and whether that was all */
async function carry(context: Context, { op, to, openBase }: Way, objects: readonly Brought[], byOid: ReadonlyMap<Oid, Wanted>, troubles: Troubles): Promise<{ arrived: Brought[]; all: boolean }> {
  let all = true;
  for (let left = objects; all && left.length > 0; ) {
    const { from } = left[0]!;
    const now = nextOf(from, left);
    try {
      await copyObjects(context, { op, from: from.store, to, openBase }, now.map(({ object }) => object), byOid, (error, { key }) => {
        if (!(isBallastError(error, ...OF_AN_OBJECT) || isUnreadable(error) || from.concerns(error))) return false;
        all = false;
        from.refused.add(key);
        troubles.add(from, error as BallastError);
        return true;
      });
    } catch (error) {
      // Other threads tell of no single object then.
      if (!from.concerns(error)) throw error;
      all = false;
    }
    const taken = new Set(now);
    left = left.filter((each) => !taken.has(each));
  }
  if (all) return { arrived: [...objects], all };
  const there = await to.find(objects.map(({ object }) => object.name.oid), context.signal);
  return { arrived: objects.filter(({ object }) => there.get(object.name.oid)?.some(({ key }) => key === object.key)), all };
}

/** What one source can give before another one is asked again. */
function nextOf(source: Source, left: readonly Brought[]): Brought[] {
  const later = new Set<Oid>();
  return left.filter(({ object: { name }, from }) => {
    const isNow = from === source && (name.base === undefined || !later.has(name.base));
    if (!isNow) later.add(name.oid);
    return isNow;
  });
}

const OF_AN_OBJECT = ["OBJECT_ARCHIVED", "OBJECT_CORRUPT", "ENCODING_UNKNOWN", "OBJECT_MISSING"] as const;

/** What could not be taken, told in one line for each source and kind. */
class Troubles {
  readonly #told = new Map<string, { readonly message: string; more: number }>();

  /** What is wrong with the stores that are being repaired is found by looking at them, and a store that is out of reach tells so itself. */
  add(source: Source, error: BallastError): void {
    if (isUnreadable(error) || (!isOwn(source) && isBallastError(error, "STORE_DENIED", ...OF_AN_OBJECT))) this.#count(`${source.where} ${error.code}`, error.message);
  }

  addArchived(inArchive: readonly Brought[]): void {
    for (const { object: { key }, from } of inArchive) {
      if (isOwn(from)) continue;
      from.refused.add(key);
      this.#count(`${from.where} OBJECT_ARCHIVED`, `${key} in ${from.where} is archived and cannot be read`);
    }
  }

  tell({ report }: Pick<Context, "report">): void {
    for (const { message, more } of this.#told.values()) report({ kind: "warning", message: more === 0 ? message : `${message}; and ${more} more of this kind` });
  }

  #count(about: string, message: string): void {
    const known = this.#told.get(about);
    if (known) known.more += 1;
    else this.#told.set(about, { message, more: 0 });
  }
}

function isOwn({ where }: Source): boolean {
  return where === "local" || where === "remote";
}
