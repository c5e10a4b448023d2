import type { RandomAccess } from "../util/random-access.ts";
import { nextSeed, SEED_BYTES, seedKey } from "./seeds.ts";

/**
 * A small summary of content: the smallest keys of its seeds, ascending. Two contents that share much share many of
 * them, wherever the common parts stand (Broder's min-wise hashing, the bottom-k form).
 */
export type Sketch = Uint32Array;

const KEYS = 128;
/**
 * Seeds are 64 bytes apart on average, and behind each that counts so many bytes are passed over: three quarters of the
 * content need no look. Two contents that differ somewhere soon come upon the same seed again, and from there on pass
 * over the same bytes. The same for contents of any size, so that any two sketches can be compared.
 */
const SPACING_BITS = 6;
const PASSED_BYTES = 192;
const CHUNK_BYTES = 1024 * 1024;

/** Reads all of `content`, at some gigabytes a second. Content without seeds, such as a short one, has an empty sketch. */
export function sketch(content: RandomAccess): Sketch {
  const smallest = new Smallest(KEYS);
  const buffer = Buffer.allocUnsafeSlow(SEED_BYTES + Math.min(CHUNK_BYTES, content.sizeBytes));
  let known = 0;
  /** Seeds that end before this offset of the content are passed over. */
  let next = 0;
  for (let at = 0; at < content.sizeBytes; ) {
    const length = Math.min(CHUNK_BYTES, content.sizeBytes - at);
    content.read(buffer.subarray(known, known + length), at);
    const bytes = buffer.subarray(0, known + length);
    const start = at - known;
    at += length;
    while (next < at) {
      const end = nextSeed(bytes, next - start, bytes.length, SPACING_BITS);
      if (end >= 0) smallest.offer(seedKey(bytes, end) >>> 0);
      next = end < 0 ? at : start + end + PASSED_BYTES;
    }
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
  readonly #kept: Uint32Array;
  #count = 0;
  /** Larger ones need not be kept. */
  #limit = Infinity;

  constructor(most: number) {
    this.#most = most;
    this.#kept = new Uint32Array(8 * most);
  }

  offer(key: number): void {
    if (key >= this.#limit) return;
    this.#kept[this.#count++] = key;
    if (this.#count < this.#kept.length) return;
    this.#tidy();
    if (this.#count === this.#most) this.#limit = this.#kept[this.#count - 1]!;
  }

  take(): Uint32Array {
    this.#tidy();
    return this.#kept.slice(0, this.#count);
  }

  /** Sorts what is kept, and leaves as many of the smallest as are asked for, each once. */
  #tidy(): void {
    const sorted = this.#kept.subarray(0, this.#count).sort();
    let count = 0;
    for (let i = 0; i < sorted.length && count < this.#most; i++) if (i === 0 || sorted[i] !== sorted[i - 1]) sorted[count++] = sorted[i]!;
    this.#count = count;
  }
}
