import { gzipSync } from "node:zlib";
import type { CompressionSettings } from "../config/settings.ts";
import { isNoise, LOOK_BYTES } from "../util/noise.ts";

const SAMPLES = 3;
/** A sample must stay cheap beside reading the file: a millisecond for each 64 KiB of what does not shrink. */
const SAMPLE_BYTES = 16 * 1024;
const LARGE_SAMPLE_BYTES = 64 * 1024;
const LARGE_BYTES = 4 * 1024 * 1024;
const WORTHWHILE_RATIO = 0.95;

/** Whether `encodedBytes` in place of `contentBytes` is worth a decompression at every restore: 5 % at least. */
export function isWorthwhile(contentBytes: number, encodedBytes: number): boolean {
  return encodedBytes < contentBytes * WORTHWHILE_RATIO;
}

/** The ranges to look at: start, middle and end; the whole where they would meet. */
export function sampleRanges(sizeBytes: number): { start: number; end: number }[] {
  const sampleBytes = sizeBytes > LARGE_BYTES ? LARGE_SAMPLE_BYTES : SAMPLE_BYTES;
  if (sizeBytes <= SAMPLES * sampleBytes) return sizeBytes === 0 ? [] : [{ start: 0, end: sizeBytes }];
  return Array.from({ length: SAMPLES }, (_, i) => {
    const start = Math.floor(((sizeBytes - sampleBytes) * i) / (SAMPLES - 1));
    return { start, end: start + sampleBytes };
  });
}

/**
 * Whether content would shrink, told from samples that are compressed fast.
 * @param read gives the content's bytes of a range; called a few times
 */
export function shrinks(sizeBytes: number, read: (range: { start: number; end: number }) => Uint8Array): boolean {
  if (looksLikeNoise(sizeBytes, read)) return false;
  let contentBytes = 0;
  let encodedBytes = 0;
  for (const range of sampleRanges(sizeBytes)) {
    const sample = read(range);
    contentBytes += sample.length;
    encodedBytes += gzipSync(sample, { level: 1 }).length;
  }
  return contentBytes > 0 && isWorthwhile(contentBytes, encodedBytes);
}

/** Whether content is surely not worth compressing, told by a look at each sample. @param read as for {@link shrinks} */
export function looksLikeNoise(sizeBytes: number, read: (range: { start: number; end: number }) => Uint8Array): boolean {
  return sampleRanges(sizeBytes).every(({ start, end }) => isNoise(read({ start, end: Math.min(end, start + LOOK_BYTES) })));
}

/** Whether a sample of so much content would be all of it: then compressing it tells more, and costs no more. */
export function isSampleItself(sizeBytes: number): boolean {
  return sizeBytes <= SAMPLES * SAMPLE_BYTES;
}

const ESTIMATE_SAMPLES = 16;

/**
 * About what the full encoding of large content takes, in bytes: told from samples that are compressed as it would be.
 * @param read as for {@link shrinks}
 */
export function estimateGzip(
  sizeBytes: number,
  read: (range: { start: number; end: number }) => Uint8Array,
  { mode, level }: Pick<CompressionSettings, "mode" | "level">,
): number {
  if (mode === "never" || (mode === "auto" && !shrinks(sizeBytes, read))) return sizeBytes;
  let contentBytes = 0;
  let encodedBytes = 0;
  for (let i = 0; i < ESTIMATE_SAMPLES; i++) {
    const start = Math.max(0, Math.floor(((sizeBytes - LARGE_SAMPLE_BYTES) * i) / (ESTIMATE_SAMPLES - 1)));
    const sample = read({ start, end: Math.min(sizeBytes, start + LARGE_SAMPLE_BYTES) });
    contentBytes += sample.length;
    encodedBytes += gzipSync(sample, { level }).length;
  }
  return contentBytes === 0 ? sizeBytes : Math.ceil((sizeBytes * encodedBytes) / contentBytes);
}
