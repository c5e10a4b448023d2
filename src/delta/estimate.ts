import type { RandomAccess } from "../util/random-access.ts";
import { nextSeed, seedKey } from "./seeds.ts";

const SAMPLE_BYTES = 16 * 1024;
const BASE_PIECE_BYTES = 64 * 1024;
/** How much of the base is looked through: an eighth, but not less than 8 MiB and not more than 64. */
const BASE_SHARE = 8;
const MIN_BASE_BYTES = 8 * 1024 * 1024;
const MAX_BASE_BYTES = 64 * 1024 * 1024;
/** Samples of the target: enough for some to stand in what is looked through, if all of the target is in the base. */
const MIN_SAMPLES = 64;
const SAMPLES_FOUND = 8;
const SPACING_BITS = 6;
/** A sample that agrees with the base this much is not looked for elsewhere. */
const ALIGNED_SHARE = 0.5;

/**
 * About the share of `target`, from 0 to 1, that stands in `base` too, told from samples: whether the bytes agree
 * at the same offset from the start or the end, and else how many of the samples' seeds are among those of the base.
 * Reads at most 64 MiB of the base and 8 MiB of the target.
 */
export function estimateShared(target: RandomAccess, base: RandomAccess): number {
  if (target.sizeBytes === 0 || base.sizeBytes === 0) return 0;
  const pieces = spread(base.sizeBytes, BASE_PIECE_BYTES, Math.ceil(Math.min(Math.max(base.sizeBytes / BASE_SHARE, MIN_BASE_BYTES), MAX_BASE_BYTES) / BASE_PIECE_BYTES));
  const coverage = Math.min(1, (pieces.length * BASE_PIECE_BYTES) / base.sizeBytes);
  const starts = spread(target.sizeBytes, SAMPLE_BYTES, Math.max(MIN_SAMPLES, Math.ceil(SAMPLES_FOUND / coverage)));
  const samples = starts.map((start) => read(target, start, SAMPLE_BYTES));
  const shares = samples.map((sample, i) => Math.max(...[0, base.sizeBytes - target.sizeBytes].map((lag) => agreement(sample, base, starts[i]! + lag))));
  const moved = shares.flatMap((share, i) => (share < ALIGNED_SHARE ? [i] : []));
  if (moved.length > 0) {
    const found = findSeeds(moved.map((i) => samples[i]!), base, pieces);
    for (const [n, i] of moved.entries()) shares[i] = Math.max(shares[i]!, found[n]! / coverage);
  }
  return Math.min(1, shares.reduce((sum, share) => sum + share, 0) / shares.length);
}

/** The share of bytes that agree with the base's at `position`; what lies outside of the base does not. */
function agreement(sample: Buffer, base: RandomAccess, position: number): number {
  if (position < 0 || position + sample.length > base.sizeBytes) return 0;
  const there = read(base, position, sample.length);
  let same = 0;
  for (let i = 0; i < sample.length; i++) if (sample[i] === there[i]) same++;
  return same / sample.length;
}

/**
 * For each sample, the share of its seeds that these pieces of the base have. Where only a part of the base is looked
 * through, a sample is found in whole or not at all, and only the mean says something.
 */
function findSeeds(samples: readonly Buffer[], base: RandomAccess, pieces: readonly number[]): number[] {
  const owners = new Map<number, number>();
  for (const [i, sample] of samples.entries()) {
    // What several samples have repeats itself, and would be found in any part of the base.
    for (const key of new Set(seedsOf(sample))) owners.set(key, owners.has(key) ? NOBODY : i);
  }
  const totals = new Array<number>(samples.length).fill(0);
  for (const owner of owners.values()) if (owner !== NOBODY) totals[owner]!++;
  const hits = new Array<number>(samples.length).fill(0);
  for (const start of pieces) {
    for (const key of seedsOf(read(base, start, BASE_PIECE_BYTES))) {
      const owner = owners.get(key) ?? NOBODY;
      if (owner === NOBODY) continue;
      hits[owner]!++;
      owners.delete(key);
    }
  }
  return hits.map((count, i) => (totals[i] === 0 ? 0 : count / totals[i]!));
}

const NOBODY = -1;

function* seedsOf(bytes: Buffer): Generator<number> {
  for (let end = 0; (end = nextSeed(bytes, end, bytes.length, SPACING_BITS)) >= 0; ) yield seedKey(bytes, end);
}

/** Where pieces of a length begin that are spread evenly over `sizeBytes`; they overlap where that is short. */
function spread(sizeBytes: number, pieceBytes: number, most: number): number[] {
  const count = Math.min(most, Math.ceil(sizeBytes / pieceBytes));
  if (count === 1) return [0];
  return Array.from({ length: count }, (_, i) => Math.floor(((sizeBytes - pieceBytes) * i) / (count - 1)));
}

function read(content: RandomAccess, start: number, length: number): Buffer {
  const bytes = Buffer.allocUnsafe(Math.min(length, content.sizeBytes - start));
  content.read(bytes, start);
  return bytes;
}
