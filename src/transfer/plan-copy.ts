import type { Oid } from "../object/oid.ts";
import type { Store, StoredObject } from "../store/port.ts";
import { cataloguesOf, compare, easiestWays, type Catalogue } from "./chains.ts";
import { leastTree, type Edge } from "./least-tree.ts";

export interface CopyPlan {
  /** What to copy; the bases of each object stand before it, or are at the destination already. */
  readonly objects: readonly StoredObject[];
  /** Those of the wanted that the stores cannot give, because they lack them or a base. */
  readonly unavailable: readonly Oid[];
  /** Those of the wanted that the source has, but only with the help of an archive. */
  readonly archived: readonly Oid[];
  /** What the unavailable would need: each oid of their chains, themselves included, that cannot be decoded. */
  readonly lost: readonly Oid[];
}

export interface CopyPlanOptions {
  readonly signal?: AbortSignal | undefined;
  /** Keys that the source cannot give after all. */
  readonly refused?: ReadonlySet<string> | undefined;
}

/**
 * Which objects to copy from `from`, so that every wanted oid can be decoded at the destination. Of several encodings
 * those are chosen that make the fewest bytes in total, bases included: a delta whose base would have to come along
 * competes with the whole object. What the destination has costs nothing, also a delta there that only lacks its base.
 * @param to an archived object there counts as present: its content is safe
 */
export async function planCopy(from: Pick<Store, "find">, to: Pick<Store, "find">, wanted: Iterable<Oid>, options: CopyPlanOptions = {}): Promise<CopyPlan> {
  const goal = new Set(wanted);
  const [source, destination] = await cataloguesOf([from, to], goal, options.signal);
  return choose(goal, source!, destination!, options.refused ?? new Set());
}

/** @see planCopy */
export function choose(goal: ReadonlySet<Oid>, source: Catalogue, destination: Catalogue, refused: ReadonlySet<string>): CopyPlan {
  const edges: (Edge & { readonly object: StoredObject; readonly copied: boolean })[] = [];
  const edge = (object: StoredObject, costBytes: number, copied: boolean): void => {
    edges.push({ oid: object.name.oid, base: object.name.base, costBytes, label: object.key, object, copied });
  };
  const there = new Set<string>();
  for (const objects of destination.values()) {
    for (const object of objects) {
      there.add(object.key);
      edge(object, 0, false);
    }
  }
  for (const objects of source.values()) {
    for (const object of objects) {
      if (object.archived || there.has(object.key) || refused.has(object.key)) continue;
      edge(object, object.sizeBytes, true);
    }
  }
  const tree = leastTree(goal, edges);
  const depths = depthsIn(tree);
  const objects = [...tree.values()].filter(({ copied }) => copied).map(({ object }) => object);
  objects.sort((a, b) => depths.get(a.name.oid)! - depths.get(b.name.oid)! || compare(a.key, b.key));
  const failed = [...goal].filter((oid) => !tree.has(oid));
  const throughArchive = failed.length === 0 ? new Map<Oid, unknown>() : easiestWays([source, destination], { archived: true });
  const isArchived = (oid: Oid): boolean => throughArchive.has(oid) && !source.get(oid)?.every(({ key }) => refused.has(key));
  const unavailable = failed.filter((oid) => !isArchived(oid));
  const lost = unavailable.length === 0 ? [] : undecodable(unavailable, [source, destination], refused);
  return { objects, unavailable, archived: failed.filter(isArchived), lost };
}

/** How many bases stand before each oid. A walk, since a store's listing may hold chains of any length. */
function depthsIn(tree: ReadonlyMap<Oid, Edge>): Map<Oid, number> {
  const depths = new Map<Oid, number>();
  for (const oid of tree.keys()) {
    const way: Oid[] = [];
    for (let at: Oid | undefined = oid; at !== undefined && !depths.has(at); at = tree.get(at)!.base) way.push(at);
    for (const at of way.reverse()) {
      const { base } = tree.get(at)!;
      depths.set(at, base === undefined ? 0 : depths.get(base)! + 1);
    }
  }
  return depths;
}

/** The oids that these lead to and that cannot be decoded. */
function undecodable(oids: readonly Oid[], catalogues: readonly Catalogue[], refused: ReadonlySet<string>): Oid[] {
  const usable = catalogues.map((catalogue) => new Map([...catalogue].map(([oid, objects]) => [oid, objects.filter(({ key }) => !refused.has(key))])));
  const decodable = easiestWays(usable);
  const lost = new Set(oids);
  for (const oid of lost) {
    for (const catalogue of usable) {
      for (const { name } of catalogue.get(oid) ?? []) if (name.base !== undefined && !decodable.has(name.base)) lost.add(name.base);
    }
  }
  return [...lost];
}
