import type { RandomAccess } from "../util/random-access.ts";

const BLOCK_BYTES = 1024 * 1024;
/** Content up to this size is held whole. */
const WHOLE_BYTES = 64 * BLOCK_BYTES;
/** Of larger content so much is held: mostly it is passed through once, and the index of what is large takes its room. */
const HELD_BYTES = 16 * BLOCK_BYTES;

/**
 * Content as pieces of memory. `seek` puts the piece that holds a position into `bytes`, `start` and `end`: fields,
 * because a call for each byte would cost more than all the rest.
 */
export class Blocks {
  readonly sizeBytes: number;
  /** The piece that was sought last: content from `start` up to and without `end`. */
  bytes: Buffer = Buffer.alloc(0);
  start = 0;
  end = 0;
  readonly #source: RandomAccess;
  readonly #blockBytes: number;
  /** By number; the one that was used last stands last. */
  readonly #held = new Map<number, Buffer>();

  constructor(source: RandomAccess) {
    this.#source = source;
    this.sizeBytes = source.sizeBytes;
    this.#blockBytes = source.sizeBytes <= WHOLE_BYTES ? Math.max(1, source.sizeBytes) : BLOCK_BYTES;
  }

  /** @param position from 0 up to and without `sizeBytes` */
  seek(position: number): void {
    if (position >= this.start && position < this.end) return;
    const number = Math.floor(position / this.#blockBytes);
    const start = number * this.#blockBytes;
    let block = this.#held.get(number);
    if (block) {
      this.#held.delete(number);
    } else {
      const length = Math.min(this.#blockBytes, this.sizeBytes - start);
      block = this.#room(length);
      this.#source.read(block, start);
    }
    this.#held.set(number, block);
    this.bytes = block;
    this.start = start;
    this.end = start + block.length;
  }

  /** Fills `into` with what stands from `position` on. */
  read(into: Uint8Array, position: number): void {
    for (let at = 0; at < into.length; ) {
      this.seek(position + at);
      const from = position + at - this.start;
      const length = Math.min(into.length - at, this.bytes.length - from);
      into.set(this.bytes.subarray(from, from + length), at);
      at += length;
    }
  }

  /** A buffer: a new one, or that of the block that was not used for longest. */
  #room(length: number): Buffer {
    if ((this.#held.size + 1) * this.#blockBytes > HELD_BYTES) {
      for (const [number, block] of this.#held) {
        this.#held.delete(number);
        if (block.length === length) return block;
        break;
      }
    }
    return Buffer.allocUnsafeSlow(length);
  }
}
