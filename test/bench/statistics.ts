/** What several rounds of one measurement say. */
export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** @throws Error when there is no value */
export function median(values: readonly number[]): number {
  if (values.length === 0) throw new Error("no values, no median");
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** @throws Error when there is no value */
export function spreadOf(values: readonly number[]): Spread {
  return { median: median(values), min: Math.min(...values), max: Math.max(...values) };
}

/**
 * How many times as much as the other: the median of the ratios of each round, because what disturbs one round of a
 * shared machine disturbs both. Where one was measured less often, only the rounds that both have count.
 * @returns undefined when nothing can be compared
 */
export function ratioOf(values: readonly number[], others: readonly number[]): number | undefined {
  const ratios = values.slice(0, others.length).flatMap((value, i) => (others[i]! > 0 ? [value / others[i]!] : []));
  return ratios.length === 0 ? undefined : median(ratios);
}

/**
 * How cost grows between two points of (work, cost): the exponent e of cost ~ work^e.
 * @returns undefined where a cost is too small to be measured
 */
export function exponent([work, cost]: readonly [number, number], [moreWork, moreCost]: readonly [number, number]): number | undefined {
  return cost > 0 && moreCost > 0 ? Math.log(moreCost / cost) / Math.log(moreWork / work) : undefined;
}
