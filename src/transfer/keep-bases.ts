import type { ObjectName } from "../object/name.ts";
import type { Oid } from "../object/oid.ts";

/**
 * Of oids that are to go, those that must stay, because an object that stays is a difference from them: directly, or
 * through others that stay for the same reason. An oid goes or stays with all of its objects.
 * @param names every object, of all the stores that may need each other
 * @returns by oid, one that needs it; it is the same whatever the order of `names`
 */
export function neededBases(names: Iterable<ObjectName>, going: ReadonlySet<Oid>): Map<Oid, Oid> {
  const bases = new Map<Oid, Set<Oid>>();
  for (const { oid, base } of names) {
    if (base === undefined) continue;
    const known = bases.get(oid);
    if (known) known.add(base);
    else bases.set(oid, new Set([base]));
  }
  const needed = new Map<Oid, Oid>();
  // What is found while the queue is gone through is gone through as well.
  const queue = [...bases.keys()].filter((oid) => !going.has(oid)).sort();
  for (const oid of queue) {
    for (const base of [...(bases.get(oid) ?? [])].sort()) {
      if (!going.has(base) || needed.has(base)) continue;
      needed.set(base, oid);
      queue.push(base);
    }
  }
  return needed;
}
