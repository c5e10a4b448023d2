import type { RandomAccess } from "../util/random-access.ts";

/** A copy of so many bytes or more goes past the cache, straight to where it belongs; no smaller one needs three blocks. */
const LARGE_BYTES = 8 * 1024;
const BLOCK_BYTES = 16 * 1024;
/** A block may be kept in one of so many places of its set. */
const WAYS = 4;

/** What one reader keeps at most, and at least if it keeps blocks. */
const MOST_BYTES = 32 * 1024 * 1024;
const LEAST_BYTES = 2 * 1024 * 1024;
/** What all readers of a thread keep together, beside the least that each one may; so many deltas at once stay cheap. */
let freeBytes = MOST_BYTES;

/** Reads a base for many small copies, and keeps what it read: all of it, or the blocks that it needed last. */
export class BaseReader {
  readonly #base: RandomAccess;
  #whole: Uint8Array | undefined;
  #blocks: BlockCache | undefined;
  #keptBytes = 0;

  constructor(base: RandomAccess) {
    this.#base = base;
    this.#whole = base.bytes;
  }

  /** Fills `into` from `at` on with `length` bytes of the base, which must have them. */
  copy(position: number, into: Uint8Array, at: number, length: number): void {
    if (this.#whole) return copyBytes(this.#whole, position, into, at, length);
    if (length >= LARGE_BYTES) return this.#base.read(into.subarray(at, at + length), position);
    if (this.#blocks) return this.#blocks.copy(position, into, at, length);
    this.#prepare();
    this.copy(position, into, at, length);
  }

  /** Gives back what was kept; nothing is read afterwards. */
  close(): void {
    freeBytes += this.#keptBytes;
    this.#keptBytes = 0;
    this.#whole = undefined;
    this.#blocks = undefined;
  }

  #prepare(): void {
    const { sizeBytes } = this.#base;
    this.#keptBytes = Math.min(sizeBytes, MOST_BYTES, freeBytes);
    freeBytes -= this.#keptBytes;
    if (this.#keptBytes < sizeBytes) {
      this.#blocks = new BlockCache(this.#base, Math.max(LEAST_BYTES, this.#keptBytes));
      return;
    }
    const whole = Buffer.allocUnsafeSlow(sizeBytes);
    this.#base.read(whole, 0);
    this.#whole = whole;
  }
}

/** The blocks of a base that were read last, or nearly so. */
class BlockCache {
  readonly #base: RandomAccess;
  readonly #sets: number;
  /** The block that each place holds, -1 for none. */
  readonly #held: Float64Array;
  /** The place of each set to be given away next. */
  readonly #oldest: Uint8Array;
  readonly #blocks: Uint8Array[] = [];

  constructor(base: RandomAccess, bytes: number) {
    this.#base = base;
    this.#sets = Math.floor(bytes / BLOCK_BYTES / WAYS);
    this.#held = new Float64Array(this.#sets * WAYS).fill(-1);
    this.#oldest = new Uint8Array(this.#sets);
  }

  copy(position: number, into: Uint8Array, at: number, length: number): void {
    const index = Math.floor(position / BLOCK_BYTES);
    const offset = position - index * BLOCK_BYTES;
    const here = Math.min(length, BLOCK_BYTES - offset);
    copyBytes(this.#block(index), offset, into, at, here);
    if (here < length) copyBytes(this.#block(index + 1), 0, into, at + here, length - here);
  }

  #block(index: number): Uint8Array {
    const set = index % this.#sets;
    const first = set * WAYS;
    for (let place = first; place < first + WAYS; place++) if (this.#held[place] === index) return this.#blocks[place]!;
    const place = first + this.#oldest[set]!;
    this.#oldest[set] = (place + 1 - first) % WAYS;
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
