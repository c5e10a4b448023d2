import type { RandomAccess } from "../util/random-access.ts";

/** A base up to this size is read into memory as a whole, as soon as there is a small copy. */
const WHOLE_BYTES = 32 * 1024 * 1024;
/** A copy of so many bytes or more goes past the cache, straight to where it belongs; no smaller one needs three blocks. */
const LARGE_BYTES = 8 * 1024;
const BLOCK_BYTES = 16 * 1024;
/** A block of a larger base may be kept in one of so many places … */
const WAYS = 4;
/** … of so many sets, so the cache holds 32 MiB too. */
const SETS = WHOLE_BYTES / BLOCK_BYTES / WAYS;

/** Reads a base for many small copies, and keeps what it read: all of it, or the blocks that it needed last. */
export class BaseReader {
  readonly #base: RandomAccess;
  #whole: Uint8Array | undefined;
  /** The block that each place holds, -1 for none. */
  readonly #held = new Float64Array(SETS * WAYS).fill(-1);
  /** The place of each set to be given away next. */
  readonly #oldest = new Uint8Array(SETS);
  readonly #blocks: Uint8Array[] = [];

  constructor(base: RandomAccess) {
    this.#base = base;
    this.#whole = base.bytes;
  }

  /** Fills `into` from `at` on with `length` bytes of the base, which must have them. */
  copy(position: number, into: Uint8Array, at: number, length: number): void {
    if (this.#whole) return copyBytes(this.#whole, position, into, at, length);
    if (length >= LARGE_BYTES) return this.#base.read(into.subarray(at, at + length), position);
    if (this.#base.sizeBytes <= WHOLE_BYTES) return copyBytes((this.#whole = this.#readWhole()), position, into, at, length);
    const index = Math.floor(position / BLOCK_BYTES);
    const offset = position - index * BLOCK_BYTES;
    const here = Math.min(length, BLOCK_BYTES - offset);
    copyBytes(this.#block(index), offset, into, at, here);
    if (here < length) copyBytes(this.#block(index + 1), 0, into, at + here, length - here);
  }

  #readWhole(): Uint8Array {
    const whole = Buffer.allocUnsafeSlow(this.#base.sizeBytes);
    this.#base.read(whole, 0);
    return whole;
  }

  #block(index: number): Uint8Array {
    const first = (index % SETS) * WAYS;
    for (let place = first; place < first + WAYS; place++) if (this.#held[place] === index) return this.#blocks[place]!;
    const place = first + this.#oldest[index % SETS]!;
    this.#oldest[index % SETS] = (place + 1 - first) % WAYS;
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
