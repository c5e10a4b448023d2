/*
 * The checksum of RFC 1950, which xdelta3 puts beside each window: two sums modulo 65521.
 */
const BASE = 65521;
/** So many bytes can be summed in 32 bits, without a sign, before a sum must be reduced; a multiple of 16. */
const BLOCK_BYTES = 4096;

/**
 * The checksum of bytes, or of bytes that go on from others.
 * @param adler of what came before; 1 at the beginning
 * @returns an unsigned 32-bit integer
 */
export function adler32(bytes: Uint8Array, adler = 1): number {
  let a = adler & 0xffff;
  let b = adler >>> 16;
  for (let at = 0; at < bytes.length; ) {
    const end = Math.min(bytes.length, at + BLOCK_BYTES);
    for (; at + 16 <= end; at += 16) {
      a = (a + bytes[at]!) | 0; b = (b + a) | 0;
      a = (a + bytes[at + 1]!) | 0; b = (b + a) | 0;
      a = (a + bytes[at + 2]!) | 0; b = (b + a) | 0;
      a = (a + bytes[at + 3]!) | 0; b = (b + a) | 0;
      a = (a + bytes[at + 4]!) | 0; b = (b + a) | 0;
      a = (a + bytes[at + 5]!) | 0; b = (b + a) | 0;
      a = (a + bytes[at + 6]!) | 0; b = (b + a) | 0;
      a = (a + bytes[at + 7]!) | 0; b = (b + a) | 0;
      a = (a + bytes[at + 8]!) | 0; b = (b + a) | 0;
      a = (a + bytes[at + 9]!) | 0; b = (b + a) | 0;
      a = (a + bytes[at + 10]!) | 0; b = (b + a) | 0;
      a = (a + bytes[at + 11]!) | 0; b = (b + a) | 0;
      a = (a + bytes[at + 12]!) | 0; b = (b + a) | 0;
      a = (a + bytes[at + 13]!) | 0; b = (b + a) | 0;
      a = (a + bytes[at + 14]!) | 0; b = (b + a) | 0;
      a = (a + bytes[at + 15]!) | 0; b = (b + a) | 0;
    }
    for (; at < end; at++) {
      a = (a + bytes[at]!) | 0; b = (b + a) | 0;
    }
    a = (a >>> 0) % BASE;
    b = (b >>> 0) % BASE;
  }
  return ((b << 16) | a) >>> 0;
}
