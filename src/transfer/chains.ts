import type { Oid } from "../object/oid.ts";
import type { Store, StoredObject } from "../store/port.ts";
import { collectGarbage } from "../util/collect-garbage.ts";

/*
 * A delta is worth what its base is: an oid can be decoded when one of its objects is whole (raw or gzip), or is a
 * delta against an oid that can be decoded. So a circle of deltas is worth nothing, and neither is a delta whose base
 * is gone.
 */

/** The objects of some oids, and of every base that these lead to; sorted by key. An oid without an object has none. */
export type Catalogue = ReadonlyMap<Oid, readonly StoredObject[]>;

type Finder = Pick<Store, "find">;

/**
 * What each store holds of these oids and of their bases, whichever store names them.
 * @param finders put those that answer at once first: what they know of bases saves the others from being asked again
 */
export async function cataloguesOf(finders: readonly Finder[], oids: Iterable<Oid>, signal?: AbortSignal): Promise<Catalogue[]> {
  const known = new Set(oids);
  // In the order in which they became known: each store was asked for a beginning of it.
  const order = [...known];
  const catalogues = finders.map(() => new Map<Oid, readonly StoredObject[]>());
  for (;;) {
    const next = catalogues.findIndex(({ size }) => size < order.length);
    if (next < 0) return catalogues;
    collectGarbage(order.length - catalogues[next]!.size);
    const catalogue = catalogues[next]!;
    const ask = order.slice(catalogue.size);
    const found = await finders[next]!.find(ask, signal);
    for (const oid of ask) {
      const all = found.get(oid) ?? NONE;
      const objects = all.length < 2 ? all : all.toSorted(byKey);
      catalogue.set(oid, objects);
      for (const { name } of objects) {
        if (name.base === undefined || known.has(name.base)) continue;
        known.add(name.base);
        order.push(name.base);
      }
    }
  }
}

/** One for all: of most oids that are asked for, a store has nothing. */
const NONE: readonly StoredObject[] = [];

/** {@link cataloguesOf} one store. */
export async function catalogueOf(finder: Finder, oids: Iterable<Oid>, signal?: AbortSignal): Promise<Catalogue> {
  const [catalogue] = await cataloguesOf([finder], oids, signal);
  return catalogue!;
}

/**
 * What directory stores hold of many oids, some of these at a time: those of few directories. So each directory is read
 * once, and of all that a store says of an object, little need be kept. Bases are not followed.
 * @param stores whose directories are by the first digits of the oids
 */
export async function* findInTurn(stores: readonly Finder[], oids: readonly Oid[], signal?: AbortSignal): AsyncGenerator<{ some: Iterable<Oid>; found: ReadonlyMap<Oid, StoredObject[]>[] }> {
  collectGarbage(oids.length);
  const groups = new Map<string, Oid[]>();
  for (const oid of oids) {
    const digit = oids.length < MANY ? "" : oid[0]!;
    const group = groups.get(digit);
    if (group) group.push(oid);
    else groups.set(digit, [oid]);
  }
  for (const some of groups.values()) {
    const found: Map<Oid, StoredObject[]>[] = [];
    for (const store of stores) found.push(await store.find(some, signal));
    yield { some, found };
  }
}

/** Fewer are found at once. */
const MANY = 4096;

/** How to decode an oid. */
export interface Way {
  /** The object to begin with. */
  readonly object: StoredObject;
  /** How many bases come before it. */
  readonly depth: number;
  /** Which of the catalogues has the object. */
  readonly from: number;
}

/**
 * The easiest way to decode each oid that can be decoded by what the catalogues hold together: the fewest bases, then
 * raw before gzip, then the smallest. Others are absent.
 * @param options.archived whether objects in an archive count; they cannot be read, but their content is safe
 */
export function easiestWays(catalogues: readonly Catalogue[], { archived = false } = {}): Map<Oid, Way> {
  const ways = new Map<Oid, Way>();
  const dependents = new Map<Oid, Way[]>();
  for (const [from, catalogue] of catalogues.entries()) {
    for (const objects of catalogue.values()) {
      for (const object of objects) {
        const { base } = object.name;
        if (object.archived && !archived) continue;
        if (base === undefined) takeEasier(ways, { object, depth: 0, from });
        else if (dependents.has(base)) dependents.get(base)!.push({ object, depth: 1, from });
        else dependents.set(base, [{ object, depth: 1, from }]);
      }
    }
  }
  if (dependents.size === 0) return ways;
  for (let level: Iterable<Oid> = [...ways.keys()], depth = 1; ; depth++) {
    const reached = new Map<Oid, Way>();
    for (const base of level) for (const way of dependents.get(base) ?? NO_WAY) if (!ways.has(way.object.name.oid)) takeEasier(reached, { ...way, depth });
    if (reached.size === 0) return ways;
    for (const [oid, way] of reached) ways.set(oid, way);
    level = reached.keys();
  }
}

const NO_WAY: readonly Way[] = [];

function takeEasier(ways: Map<Oid, Way>, way: Way): void {
  const { oid } = way.object.name;
  const best = ways.get(oid);
  if (best === undefined || easierFirst(way, best) < 0) ways.set(oid, way);
}

/**
 * The oids that can be decoded by what these objects hold together, and how many bases come before each: the keys of
 * {@link easiestWays}, without the ways. Objects in an archive count.
 */
export function decodable(objects: Iterable<Pick<StoredObject, "name">>): Map<Oid, number> {
  const found = new Map<Oid, number>();
  const dependents = new Map<Oid, Oid[]>();
  for (const { name } of objects) {
    if (name.base === undefined) found.set(name.oid, 0);
    else if (dependents.has(name.base)) dependents.get(name.base)!.push(name.oid);
    else dependents.set(name.base, [name.oid]);
  }
  const reached = [...dependents.keys()].filter((base) => found.has(base));
  // Those of one depth stand before those of the next.
  for (const base of reached) {
    const depth = found.get(base)! + 1;
    for (const oid of dependents.get(base)!) {
      if (found.has(oid)) continue;
      found.set(oid, depth);
      if (dependents.has(oid)) reached.push(oid);
    }
  }
  return found;
}

const EFFORT = ["raw", "gzip", "delta", "delta+gzip"];

/** Orders ways to one oid that need as many bases. */
function easierFirst(a: Way, b: Way): number {
  return (
    EFFORT.indexOf(a.object.name.encoding) - EFFORT.indexOf(b.object.name.encoding) ||
    a.object.sizeBytes - b.object.sizeBytes ||
    byKey(a.object, b.object) ||
    a.from - b.from
  );
}

/** Orders objects by their keys. What differs is mostly the oid, which need not be looked for within a key. */
export function byKey(a: StoredObject, b: StoredObject): number {
  return compare(a.name.oid, b.name.oid) || compare(a.key, b.key);
}

/** Keys are ASCII, so comparing code units compares bytes. */
export function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
