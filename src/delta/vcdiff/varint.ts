/*
 * Integers of VCDIFF (RFC 3284, section 2): base 128, most significant digit first, and every byte but the last has its
 * high bit set.
 */
import { damaged } from "./format.ts";

/** What 2^53 - 1 takes, in bytes; more digits are refused, leading zeros included. */
export const MAX_VARINT_BYTES = 8;

/** Bytes that are read from the front. */
export class Cursor {
  readonly bytes: Uint8Array;
  at: number;

  constructor(bytes: Uint8Array, at = 0) {
    this.bytes = bytes;
    this.at = at;
  }

  /** How many bytes are left. */
  get left(): number {
    return this.bytes.length - this.at;
  }

  /** @throws OBJECT_CORRUPT at the end */
  byte(): number {
    if (this.at >= this.bytes.length) throw damaged("it ends early");
    return this.bytes[this.at++]!;
  }

  /** An integer up to 2^53 - 1. @throws OBJECT_CORRUPT for a larger one, one of too many digits, and at the end */
  varint(): number {
    const first = this.byte();
    if (first < 128) return first;
    let value = first & 127;
    for (let count = 2; count <= MAX_VARINT_BYTES; count++) {
      const digit = this.byte();
      // A product, not a shift: values go beyond 32 bits.
      value = value * 128 + (digit & 127);
      if (value > Number.MAX_SAFE_INTEGER) break;
      if (digit < 128) return value;
    }
    throw damaged("it holds an absurd number");
  }

  /** The next `length` bytes, as a view. @throws OBJECT_CORRUPT when there are fewer */
  take(length: number): Uint8Array {
    if (length > this.left) throw damaged("it ends early");
    return this.bytes.subarray(this.at, (this.at += length));
  }
}

/** What `n` takes, in bytes. @param n an integer from 0 to 2^53 - 1 */
export function varintSize(n: number): number {
  let size = 1;
  for (let limit = 128; n >= limit; limit *= 128) size++;
  return size;
}

/** Writes `n` at `at` of a buffer with enough room. @returns the offset behind it */
export function writeVarint(buffer: Uint8Array, at: number, n: number): number {
  const end = at + varintSize(n);
  let rest = n;
  // Bits can be taken off with shifts once the number has no more than 31.
  for (var i = end - 1; rest > 0x7fff_ffff; i--) {
    const higher = Math.floor(rest / 128);
    buffer[i] = (rest - higher * 128) | (i === end - 1 ? 0 : 128);
    rest = higher;
  }
  for (; i >= at; i--) {
    buffer[i] = (rest & 127) | (i === end - 1 ? 0 : 128);
    rest >>>= 7;
  }
  return end;
}
