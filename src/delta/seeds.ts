/*
 * Content-defined seeds: the positions where a rolling hash of the last 16 bytes happens to begin with zeros. The same
 * 16 bytes are a seed wherever they stand, so content that moved is found again whatever the distance.
 */

/** Bytes that decide whether a position is a seed, and that its key stands for. */
export const SEED_BYTES = 16;

/** 256 random-looking words, the same everywhere (Marsaglia's xorshift). */
const GEAR = (() => {
  const words = new Int32Array(256);
  let x = 0x9e3779b9 | 0;
  for (let i = 0; i < 256; i++) {
    for (let turn = 0; turn < 4; turn++) {
      x ^= x << 13;
      x ^= x >>> 17;
      x ^= x << 5;
    }
    words[i] = x;
  }
  return words;
})();

/**
 * The first seed whose last byte is at or after `from`, of which all bytes are in `bytes`.
 * @param spacingBits seeds are 2 to the power of this apart on average
 * @returns the offset behind the seed's last byte, or -1 when there is none before `end`
 */
export function nextSeed(bytes: Uint8Array, from: number, end: number, spacingBits: number): number {
  const gear = GEAR;
  const shift = 32 - spacingBits;
  let h = 0;
  let at = Math.max(0, from - SEED_BYTES + 1);
  const first = Math.min(end, Math.max(from, SEED_BYTES - 1));
  for (; at < first; at++) h = ((h << 2) + gear[bytes[at]!]!) | 0;
  for (; at < end; at++) {
    h = ((h << 2) + gear[bytes[at]!]!) | 0;
    if (h >>> shift === 0) return at + 1;
  }
  return -1;
}

/** A key for the seed that ends before `end`. */
export function seedKey(bytes: Uint8Array, end: number): number {
  let key = 0x2545f491;
  for (let at = end - SEED_BYTES; at < end; at += 4) {
    const word = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
    key = Math.imul(key ^ word, 0x9e3779b1);
    key ^= key >>> 15;
  }
  return key;
}
