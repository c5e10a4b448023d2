import type { Oid } from "../object/oid.ts";
import type { Store, StoredObject } from "../store/port.ts";
import { byKey, cataloguesOf, easiestWays, type Catalogue } from "./chains.ts";
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
  const usable = ({ key, archived }: StoredObject): boolean => !archived && !refused.has(key);
  // Most stores hold few deltas, and where there is none at all there is nothing to weigh.
  const chosen = isWhole(source) && isWhole(destination) ? cheapest(goal, source, destination, usable) : withBases(goal, source, destination, usable);
  const { objects, failed } = chosen;
  const throughArchive = failed.length === 0 ? new Map<Oid, unknown>() : easiestWays([source, destination], { archived: true });
  const isArchived = (oid: Oid): boolean => throughArchive.has(oid) && !source.get(oid)?.every(({ key }) => refused.has(key));
  const unavailable = failed.filter((oid) => !isArchived(oid));
  const lost = unavailable.length === 0 ? [] : undecodable(unavailable, [source, destination], refused);
  return { objects, unavailable, archived: failed.filter(isArchived), lost };
}

interface Chosen {
  readonly objects: StoredObject[];
  /** Those of the wanted for which there is no way. */
  readonly failed: readonly Oid[];
}

function isWhole(catalogue: Catalogue): boolean {
  for (const objects of catalogue.values()) for (const { name } of objects) if (name.base !== undefined) return false;
  return true;
}

/** Without a delta anywhere: what the destination lacks, from the smallest object of each. */
function cheapest(goal: ReadonlySet<Oid>, source: Catalogue, destination: Catalogue, usable: (object: StoredObject) => boolean): Chosen {
  const objects: StoredObject[] = [];
  const failed: Oid[] = [];
  for (const oid of goal) {
    if ((destination.get(oid)?.length ?? 0) > 0) continue;
    let best: StoredObject | undefined;
    for (const object of source.get(oid) ?? []) if (usable(object) && (best === undefined || object.sizeBytes < best.sizeBytes)) best = object;
    if (best) objects.push(best);
    else failed.push(oid);
  }
  return { objects: objects.sort(byKey), failed };
}

function withBases(goal: ReadonlySet<Oid>, source: Catalogue, destination: Catalogue, usable: (object: StoredObject) => boolean): Chosen {
  const edges: (Edge & { readonly object: StoredObject; readonly copied: boolean })[] = [];
  const edge = (object: StoredObject, costBytes: number, copied: boolean): void => {
    edges.push({ oid: object.name.oid, base: object.name.base, costBytes, label: object.key, object, copied });
  };
  for (const objects of destination.values()) for (const object of objects) edge(object, 0, false);
  for (const [oid, objects] of source) {
    const there = destination.get(oid);
    for (const object of objects) if (usable(object) && !there?.some(({ key }) => key === object.key)) edge(object, object.sizeBytes, true);
  }
  const tree = leastTree(goal, edges);
  const depths = depthsIn(tree);
  const objects = [...tree.values()].filter(({ copied }) => copied).map(({ object }) => object);
  objects.sort((a, b) => depths.get(a.name.oid)! - depths.get(b.name.oid)! || byKey(a, b));
  return { objects, failed: [...goal].filter((oid) => !tree.has(oid)) };
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
