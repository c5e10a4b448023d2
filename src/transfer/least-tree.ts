import type { Oid } from "../object/oid.ts";
import { Heap } from "../util/heap.ts";

/** One way to have a content: from nothing, or by its base. */
export interface Edge {
  readonly oid: Oid;
  /** Undefined for a whole object. */
  readonly base: Oid | undefined;
  /** At least 0. */
  readonly costBytes: number;
  /** Decides between equals, so that the answer is always the same. */
  readonly label: string;
}

/**
 * Chooses one edge for each wanted oid and for each base that these choices lead to, so that the sum of the costs is
 * small: the least there is for one wanted oid, and where each oid has one edge. With a choice for many it is the
 * Steiner tree problem, which nobody solves exactly in general; then this takes the nearest oid first (Takahashi and
 * Matsuyama, 1980) and exchanges edges as long as that helps.
 * @returns the chosen edge by oid; a wanted oid that cannot be had is absent
 */
export function leastTree<E extends Edge>(wanted: ReadonlySet<Oid>, edges: readonly E[]): Map<Oid, E> {
  const sorted = edges.toSorted(cheaperFirst);
  const tree = nearestFirst(wanted, sorted);
  exchange(tree, sorted);
  prune(tree, wanted);
  return tree;
}

function cheaperFirst(a: Edge, b: Edge): number {
  return a.costBytes - b.costBytes || (a.label < b.label ? -1 : a.label > b.label ? 1 : 0);
}

interface Reached<E> {
  readonly edge: E;
  readonly costBytes: number;
}

function nearestFirst<E extends Edge>(wanted: ReadonlySet<Oid>, edges: readonly E[]): Map<Oid, E> {
  const tree = new Map<Oid, E>();
  const best = new Map<Oid, Reached<E>>();
  const heap = new Heap<{ oid: Oid; costBytes: number; order: number }>((a, b) => a.costBytes < b.costBytes || (a.costBytes === b.costBytes && a.order < b.order));
  let order = 0;
  const reach = (edge: E, beforeBytes: number): void => {
    const costBytes = beforeBytes + edge.costBytes;
    if (tree.has(edge.oid) || costBytes >= (best.get(edge.oid)?.costBytes ?? Infinity)) return;
    best.set(edge.oid, { edge, costBytes });
    heap.push({ oid: edge.oid, costBytes, order: order++ });
  };
  const byBase = groupByBase(edges);
  for (const edge of byBase.get(undefined) ?? []) reach(edge, 0);
  for (let next = heap.pop(); next !== undefined; next = heap.pop()) {
    const { oid, costBytes } = next;
    // What was reached again for less is at hand a second time.
    if (!tree.has(oid) && costBytes > best.get(oid)!.costBytes) continue;
    if (tree.has(oid) && costBytes > 0) continue;
    if (wanted.has(oid) && !tree.has(oid)) {
      // The whole way to it is paid for: from now on each of its oids costs nothing.
      for (let at: Oid | undefined = oid; at !== undefined && !tree.has(at); at = tree.get(at)!.base) {
        tree.set(at, best.get(at)!.edge);
        heap.push({ oid: at, costBytes: 0, order: order++ });
      }
      continue;
    }
    for (const edge of byBase.get(oid) ?? []) reach(edge, tree.has(oid) ? 0 : costBytes);
  }
  return tree;
}

/** Takes a cheaper edge wherever that closes no circle, until there is none. */
function exchange<E extends Edge>(tree: Map<Oid, E>, edges: readonly E[]): void {
  for (let changed = true; changed; ) {
    changed = false;
    for (const edge of edges) {
      const now = tree.get(edge.oid);
      if (now === undefined || edge.costBytes >= now.costBytes) continue;
      if (edge.base !== undefined && (!tree.has(edge.base) || leadsTo(tree, edge.base, edge.oid))) continue;
      tree.set(edge.oid, edge);
      changed = true;
    }
  }
}

function leadsTo(tree: ReadonlyMap<Oid, Edge>, from: Oid, target: Oid): boolean {
  for (let at: Oid | undefined = from; at !== undefined; at = tree.get(at)!.base) if (at === target) return true;
  return false;
}

/** Drops what nobody wants and nothing needs. */
function prune(tree: Map<Oid, Edge>, wanted: ReadonlySet<Oid>): void {
  const needed = new Set<Oid>();
  for (const oid of wanted) for (let at: Oid | undefined = oid; at !== undefined && tree.has(at) && !needed.has(at); at = tree.get(at)!.base) needed.add(at);
  for (const oid of [...tree.keys()]) if (!needed.has(oid)) tree.delete(oid);
}

function groupByBase<E extends Edge>(edges: readonly E[]): Map<Oid | undefined, E[]> {
  const groups = new Map<Oid | undefined, E[]>();
  for (const edge of edges) {
    const group = groups.get(edge.base);
    if (group) group.push(edge);
    else groups.set(edge.base, [edge]);
  }
  return groups;
}
