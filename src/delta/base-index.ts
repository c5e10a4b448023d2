import { setImmediate as turn } from "node:timers/promises";
import type { RandomAccess } from "../util/random-access.ts";
import { nextSeed, SEED_BYTES, seedKey } from "./seeds.ts";

/** Seeds that are remembered at most: 16 bytes of memory each. */
const MAX_SEEDS = 4 * 1024 * 1024;
const MIN_SPACING_BITS = 4;
const CHUNK_BYTES = 1024 * 1024;
/** So many places of one key are remembered; more are content that repeats itself. */
const PLACES = 8;

/** Where the seeds of a base stand. */
export class BaseIndex {
  /** Seeds are 2 to the power of this apart on average. */
  readonly spacingBits: number;
  readonly #heads: Int32Array;
  readonly #mask: number;
  #keys: Int32Array;
  /** Where a seed ends. */
  #ends: Float64Array;
  /** The seed before it with the same slot, plus 1. */
  #next: Int32Array;
  #count = 0;

  constructor(baseBytes: number) {
    let bits = MIN_SPACING_BITS;
    while (baseBytes / 2 ** bits > MAX_SEEDS / 2) bits++;
    this.spacingBits = bits;
    const expected = Math.max(256, Math.ceil(baseBytes / 2 ** bits));
    const slots = 2 ** Math.ceil(Math.log2(expected * 1.5));
    this.#heads = new Int32Array(slots);
    this.#mask = slots - 1;
    const room = Math.ceil(expected * 1.25);
    this.#keys = new Int32Array(room);
    this.#ends = new Float64Array(room);
    this.#next = new Int32Array(room);
  }

  /** Takes in bytes that stand at `position`; the first `known` of them were taken in before and are context. */
  take(bytes: Uint8Array, known: number, position: number): void {
    let last = 0;
    let lastEnd = -1;
    for (let end = known; (end = nextSeed(bytes, end, bytes.length, this.spacingBits)) >= 0; ) {
      const key = seedKey(bytes, end);
      // A run of one byte is one seed after the other.
      if (key === last && end - lastEnd < SEED_BYTES) continue;
      last = key;
      lastEnd = end;
      this.#add(key, position + end);
    }
  }

  /** The first of the places of a key, to be given to `end` and `next`; -1 when there is none. */
  find(key: number): number {
    return this.#match(this.#heads[key & this.#mask]! - 1, key);
  }

  next(place: number): number {
    return this.#match(this.#next[place]! - 1, this.#keys[place]!);
  }

  /** Where in the base the seed ends. */
  end(place: number): number {
    return this.#ends[place]!;
  }

  #match(place: number, key: number): number {
    while (place >= 0 && this.#keys[place] !== key) place = this.#next[place]! - 1;
    return place;
  }

  #add(key: number, end: number): void {
    let same = 0;
    for (let place = this.find(key); place >= 0; place = this.next(place)) if (++same === PLACES) return;
    if (this.#count === this.#keys.length) this.#grow();
    const place = this.#count++;
    const slot = key & this.#mask;
    this.#keys[place] = key;
    this.#ends[place] = end;
    this.#next[place] = this.#heads[slot]!;
    this.#heads[slot] = place + 1;
  }

  #grow(): void {
    const room = Math.ceil(this.#keys.length * 1.5);
    const grown = <T extends Int32Array | Float64Array>(old: T, array: T): T => {
      array.set(old);
      return array;
    };
    this.#keys = grown(this.#keys, new Int32Array(room));
    this.#ends = grown(this.#ends, new Float64Array(room));
    this.#next = grown(this.#next, new Int32Array(room));
  }
}

/**
 * Reads all of a base, in order, and remembers its seeds.
 * @param options.see is shown the bytes; done with them on return
 */
export async function indexBase(base: RandomAccess, { see, signal }: { see?: ((bytes: Uint8Array) => void) | undefined; signal?: AbortSignal | undefined } = {}): Promise<BaseIndex> {
  const index = new BaseIndex(base.sizeBytes);
  // The end of one chunk stands before the next one, for seeds that lie across.
  const buffer = Buffer.allocUnsafeSlow(SEED_BYTES + Math.min(CHUNK_BYTES, base.sizeBytes));
  let known = 0;
  for (let at = 0; at < base.sizeBytes; ) {
    const length = Math.min(CHUNK_BYTES, base.sizeBytes - at);
    const fresh = buffer.subarray(known, known + length);
    base.read(fresh, at);
    see?.(fresh);
    index.take(buffer.subarray(0, known + length), known, at - known);
    at += length;
    const kept = Math.min(SEED_BYTES, known + length);
    buffer.copy(buffer, 0, known + length - kept, known + length);
    known = kept;
    if (at % (16 * CHUNK_BYTES) === 0) await turn();
    signal?.throwIfAborted();
  }
  return index;
}
