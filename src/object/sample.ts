import { gzipSync } from "node:zlib";

const SAMPLE_BYTES = 64 * 1024;
const SAMPLES = 3;
const WORTHWHILE_RATIO = 0.95;

/** Whether `encodedBytes` in place of `contentBytes` is worth a decompression at every restore: 5 % at least. */
export function isWorthwhile(contentBytes: number, encodedBytes: number): boolean {
  return encodedBytes < contentBytes * WORTHWHILE_RATIO;
}

/** The ranges to look at: start, middle and end; the whole where they would meet. */
export function sampleRanges(sizeBytes: number): { start: number; end: number }[] {
  if (sizeBytes <= SAMPLES * SAMPLE_BYTES) return sizeBytes === 0 ? [] : [{ start: 0, end: sizeBytes }];
  return Array.from({ length: SAMPLES }, (_, i) => {
    const start = Math.floor(((sizeBytes - SAMPLE_BYTES) * i) / (SAMPLES - 1));
    return { start, end: start + SAMPLE_BYTES };
  });
}

/**
 * Whether content would shrink, told from samples that are compressed fast.
 * @param read gives the content's bytes of a range; called a few times
 */
export function shrinks(sizeBytes: number, read: (range: { start: number; end: number }) => Uint8Array): boolean {
  let contentBytes = 0;
  let encodedBytes = 0;
  for (const range of sampleRanges(sizeBytes)) {
    const sample = read(range);
    contentBytes += sample.length;
    encodedBytes += gzipSync(sample, { level: 1 }).length;
  }
  return contentBytes > 0 && isWorthwhile(contentBytes, encodedBytes);
}
