import type { RandomAccess } from "../util/random-access.ts";
import { nextSeed, SEED_BYTES, seedKey } from "./seeds.ts";

/**
 * A small summary of content: the smallest keys of its seeds, ascending. Two contents that share much share many of
 * them, wherever the common parts stand (Broder's min-wise hashing, the bottom-k form).
 */
export type Sketch = Uint32Array;

const KEYS = 128;
/** Seeds are 64 bytes apart on average, for contents of any size, so that any two sketches can be compared. */
const SPACING_BITS = 6;
const CHUNK_BYTES = 1024 * 1024;

/** Reads all of `content`, at about a gigabyte a second. Content without seeds, such as a short one, has an empty sketch. */
export function sketch(content: RandomAccess): Sketch {
  const smallest = new Smallest(KEYS);
  const buffer = Buffer.allocUnsafeSlow(SEED_BYTES + Math.min(CHUNK_BYTES, content.sizeBytes));
  let known = 0;
  for (let at = 0; at < content.sizeBytes; ) {
    const length = Math.min(CHUNK_BYTES, content.sizeBytes - at);
    content.read(buffer.subarray(known, known + length), at);
    const bytes = buffer.subarray(0, known + length);
    for (let end = known; (end = nextSeed(bytes, end, bytes.length, SPACING_BITS)) >= 0; ) smallest.offer(seedKey(bytes, end) >>> 0);
    at += length;
    const kept = Math.min(SEED_BYTES, bytes.length);
    bytes.copy(buffer, 0, bytes.length - kept);
    known = kept;
  }
  return smallest.take();
}

/**
 * About the share of the two contents' parts, taken together, that both have: 0 to 1.
 */
export function similarity(a: Sketch, b: Sketch): number {
  const most = Math.min(KEYS, Math.max(a.length, b.length));
  let common = 0;
  let seen = 0;
  for (let i = 0, j = 0; seen < most && (i < a.length || j < b.length); seen++) {
    const left = a[i] ?? Infinity;
    const right = b[j] ?? Infinity;
    if (left === right) common++;
    if (left <= right) i++;
    if (right <= left) j++;
  }
  return seen === 0 ? 0 : common / seen;
}

/** The smallest of many numbers, each once. */
class Smallest {
  readonly #most: number;
  readonly #kept = new Set<number>();
  /** Larger ones need not be kept. */
  #limit = Infinity;

  constructor(most: number) {
    this.#most = most;
  }

  offer(key: number): void {
    if (key >= this.#limit || this.#kept.has(key)) return;
    this.#kept.add(key);
    if (this.#kept.size < 4 * this.#most) return;
    const sorted = this.#sorted();
    this.#kept.clear();
    for (const one of sorted) this.#kept.add(one);
    this.#limit = sorted.at(-1)!;
  }

  take(): Uint32Array {
    return this.#sorted();
  }

  #sorted(): Uint32Array {
    return Uint32Array.from(this.#kept).sort().slice(0, this.#most);
  }
}
