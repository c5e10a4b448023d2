import type { Oid } from "../object/oid.ts";
import type { Store, StoredObject } from "../store/port.ts";

export interface CopyPlan {
  /** What to copy, in steps: the bases of every object are in an earlier step, or at the destination already. */
  readonly steps: readonly (readonly StoredObject[])[];
  /** Those of the wanted that the source cannot give, because it lacks them or a base. */
  readonly unavailable: readonly Oid[];
  /** Those of the wanted that the source has, but only in an archive. */
  readonly archived: readonly Oid[];
}

/**
 * Which objects to copy from `from`, so that every wanted oid can be decoded at the destination: of several encodings
 * the smallest whose bases are to be had.
 * @param wanted oids that the destination lacks
 * @param hasAtDestination tells of bases, which are asked for in batches
 */
export async function planCopy(
  from: Store,
  wanted: Iterable<Oid>,
  hasAtDestination: (oids: Iterable<Oid>) => Promise<Set<Oid>>,
  signal?: AbortSignal,
): Promise<CopyPlan> {
  const goal = new Set(wanted);
  const catalogue = new Map<Oid, StoredObject[]>();
  const there = new Set<Oid>();
  for (let ask = goal; ask.size > 0; ) {
    const found = await from.find(ask, signal);
    const bases = new Set<Oid>();
    for (const oid of ask) {
      const objects = (found.get(oid) ?? []).toSorted((a, b) => a.sizeBytes - b.sizeBytes || compare(a.key, b.key));
      catalogue.set(oid, objects);
      for (const { name } of objects) if (name.base !== undefined) bases.add(name.base);
    }
    ask = new Set([...bases].filter((oid) => !catalogue.has(oid) && !there.has(oid)));
    if (ask.size === 0) break;
    for (const oid of await hasAtDestination(ask)) {
      there.add(oid);
      ask.delete(oid);
    }
  }
  return choose(goal, catalogue, there);
}

function choose(goal: ReadonlySet<Oid>, catalogue: ReadonlyMap<Oid, readonly StoredObject[]>, there: ReadonlySet<Oid>): CopyPlan {
  /** How many bases come before an oid, by oid; -1 while it is being looked at. */
  const depths = new Map<Oid, number>();
  const steps: StoredObject[][] = [];

  function depthOf(oid: Oid): number {
    const known = depths.get(oid);
    if (known !== undefined) return known;
    depths.set(oid, -1);
    for (const object of catalogue.get(oid) ?? []) {
      if (object.archived) continue;
      const base = object.name.base;
      const before = base === undefined || there.has(base) ? -1 : depthOf(base);
      if (base !== undefined && before < 0 && !there.has(base)) continue;
      depths.set(oid, before + 1);
      (steps[before + 1] ??= []).push(object);
      return before + 1;
    }
    // Perhaps only because a base is being looked at: the answer may differ the next time.
    depths.delete(oid);
    return -1;
  }

  const unavailable: Oid[] = [];
  const archived: Oid[] = [];
  for (const oid of goal) {
    if (depthOf(oid) >= 0) continue;
    (catalogue.get(oid)?.some((object) => object.archived) ? archived : unavailable).push(oid);
  }
  return { steps, unavailable, archived };
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
