import { SMALL_BYTES } from "./stable-file.ts";

const BATCH_FILES = 128;
const MIN_BATCH_BYTES = 1024 * 1024;
const MAX_BATCH_BYTES = 8 * 1024 * 1024;

/**
 * The indexes of jobs in batches: large files alone and first, small ones together.
 * @param sizes of the jobs, in bytes
 * @param threads 0 when there is nobody to send batches to
 */
export function batchesOf(sizes: readonly number[], threads: number): number[][] {
  const indexes = sizes.map((_, index) => index);
  if (threads === 0) return indexes.map((index) => [index]);
  const large = indexes.filter((index) => sizes[index]! > SMALL_BYTES).sort((a, b) => sizes[b]! - sizes[a]!);
  const small = indexes.filter((index) => sizes[index]! <= SMALL_BYTES);
  const smallBytes = small.reduce((sum, index) => sum + sizes[index]!, 0);
  const batchBytes = Math.min(MAX_BATCH_BYTES, Math.max(MIN_BATCH_BYTES, smallBytes / (threads * 8)));
  const batchFiles = Math.min(BATCH_FILES, Math.ceil(small.length / (threads * 4)));
  const batches = large.map((index) => [index]);
  let batch: number[] = [];
  let bytes = 0;
  for (const index of small) {
    batch.push(index);
    bytes += sizes[index]!;
    if (bytes >= batchBytes || batch.length >= batchFiles) {
      batches.push(batch);
      batch = [];
      bytes = 0;
    }
  }
  if (batch.length > 0) batches.push(batch);
  return batches;
}
