import type { Oid } from "./oid.ts";

/** Hexadecimal digits of an oid that a number holds exactly. */
const DIGITS = 12;

/** Remembers oids by their first 48 bits, in 8 bytes each: what it has not was never put in, what it has may be another. */
export class OidFilter {
  readonly #sorted: Float64Array;
  readonly #added = new Set<number>();

  /** @param names that begin with an oid */
  constructor(names: readonly string[]) {
    this.#sorted = Float64Array.from(names, shorten).sort();
  }

  add(oid: Oid): void {
    this.#added.add(shorten(oid));
  }

  mayHave(oid: Oid): boolean {
    const wanted = shorten(oid);
    let [low, high] = [0, this.#sorted.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#sorted[middle]! < wanted) low = middle + 1;
      else high = middle;
    }
    return this.#sorted[low] === wanted || this.#added.has(wanted);
  }
}

/** Of what is no oid, something that no oid has. */
function shorten(name: string): number {
  const digits = name.slice(0, DIGITS);
  return /^[0-9a-f]{12}$/.test(digits) ? Number.parseInt(digits, 16) : -1;
}
