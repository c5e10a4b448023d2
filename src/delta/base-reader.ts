import type { RandomAccess } from "../util/random-access.ts";

/** A copy of so many bytes or more goes past the cache, straight to where it belongs. */
const LARGE_BYTES = 16 * 1024;
const BLOCK_BYTES = 64 * 1024;
/** A block of the base may be kept in one of so many places … */
const WAYS = 4;
/** … of so many sets, so the cache holds 16 MiB at most. */
const MAX_SETS = 64;

/** Reads a base for many small copies: the blocks that were read last are kept. */
export class BaseReader {
  readonly #base: RandomAccess;
  readonly #sets: number;
  /** The block that each place holds, -1 for none. */
  readonly #held: Float64Array;
  /** The place of each set to be given away next. */
  readonly #oldest: Uint8Array;
  readonly #blocks: Uint8Array[] = [];

  constructor(base: RandomAccess) {
    this.#base = base;
    const blocks = Math.ceil(base.sizeBytes / BLOCK_BYTES);
    this.#sets = Math.max(1, Math.min(MAX_SETS, Math.ceil(blocks / WAYS)));
    this.#held = new Float64Array(this.#sets * WAYS).fill(-1);
    this.#oldest = new Uint8Array(this.#sets);
  }

  /** Fills `into` from `at` on with `length` bytes of the base, which must have them. */
  copy(position: number, into: Uint8Array, at: number, length: number): void {
    const { bytes } = this.#base;
    if (bytes) return copyBytes(bytes, position, into, at, length);
    if (length >= LARGE_BYTES) return this.#base.read(into.subarray(at, at + length), position);
    const index = Math.floor(position / BLOCK_BYTES);
    const offset = position - index * BLOCK_BYTES;
    const here = Math.min(length, BLOCK_BYTES - offset);
    copyBytes(this.#block(index), offset, into, at, here);
    if (here < length) copyBytes(this.#block(index + 1), 0, into, at + here, length - here);
  }

  #block(index: number): Uint8Array {
    const set = index % this.#sets;
    for (let place = set * WAYS, end = place + WAYS; place < end; place++) if (this.#held[place] === index) return this.#blocks[place]!;
    const place = set * WAYS + this.#oldest[set]!;
    this.#oldest[set] = (this.#oldest[set]! + 1) % WAYS;
    const block = (this.#blocks[place] ??= Buffer.allocUnsafeSlow(BLOCK_BYTES));
    const start = index * BLOCK_BYTES;
    // Holds nothing while it is filled: a read that fails must not leave a block that looks right.
    this.#held[place] = -1;
    this.#base.read(block.subarray(0, Math.min(BLOCK_BYTES, this.#base.sizeBytes - start)), start);
    this.#held[place] = index;
    return block;
  }
}

/** For a few bytes a loop is faster than a call of the engine. */
const FEW_BYTES = 32;

/** Copies between buffers that do not overlap. */
export function copyBytes(from: Uint8Array, position: number, into: Uint8Array, at: number, length: number): void {
  if (length > FEW_BYTES) return into.set(from.subarray(position, position + length), at);
  for (let i = 0; i < length; i++) into[at + i] = from[position + i]!;
}
