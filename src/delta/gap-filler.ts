import { isNoise } from "../util/noise.ts";
import type { Gap } from "./aligner.ts";
import type { Blocks } from "./blocks.ts";
import { Concatenation } from "./concatenation.ts";
import { ADD, GAP, Script } from "./script.ts";
import { encodeSmall, MAX_SOURCE_BYTES, MAX_TARGET_BYTES } from "./xdelta3.ts";

/** A gap shorter than this stays an addition. */
const MIN_GAP_BYTES = 8;
/** A call takes some 4 ms for its 2 MiB of source, however little it is to find there. */
const MIN_GROUP_BYTES = 512;
/** Where memory does not suffice for so little, it is the content's fault, and it is added as it is. */
const MIN_SPLIT_BYTES = 64 * 1024;
/** A long gap of which a sample looks compressed or random is added as it is. */
const NOISE_SAMPLE_BYTES = 8 * 1024;
/** Level 9 takes half as long again and makes half a percent less of dense executables. */
const LEVEL = 6;
/** The base is looked at in parts of 2 MiB that overlap by half; a gap belongs to the part in whose middle it stands. */
const PART_BYTES = MAX_SOURCE_BYTES / 2;

/**
 * Fills the gaps of a window by xdelta3. Gaps that belong to the same part of the base make one target of up to 1 MiB,
 * which is encoded against the 2 MiB around that part.
 * @returns the script without gaps
 */
export function fillGaps(window: Buffer, script: Script, gaps: readonly Gap[], base: Blocks): Script {
  const filled = new Map<number, Script>();
  for (const [part, group] of byPart(window, gaps)) {
    const middle = part * PART_BYTES + PART_BYTES / 2;
    const start = Math.max(0, Math.min(middle - MAX_SOURCE_BYTES / 2, base.sizeBytes - MAX_SOURCE_BYTES));
    const source = Buffer.allocUnsafe(Math.min(MAX_SOURCE_BYTES, base.sizeBytes - start));
    base.read(source, start);
    for (const pieces of inPieces(group)) fill(new Concatenation(window, pieces), { bytes: source, start }, filled);
  }
  return filled.size === 0 ? script : merged(script, filled);
}

/** @param filled gets the script of each piece, by the offset in the window where it begins */
function fill(pieces: Concatenation, source: { bytes: Buffer; start: number }, filled: Map<number, Script>): void {
  if (pieces.bytes.length < MIN_GROUP_BYTES) return;
  const encoded = encodeSmall(pieces.bytes, source.bytes, LEVEL);
  if (encoded) return pieces.read(encoded, source, filled);
  if (pieces.bytes.length < MIN_SPLIT_BYTES) return;
  for (const half of pieces.halves()) fill(half, source, filled);
}

function byPart(window: Buffer, gaps: readonly Gap[]): Map<number, Gap[]> {
  const parts = new Map<number, Gap[]>();
  for (const gap of gaps) {
    if (gap.end - gap.start < MIN_GAP_BYTES || isHopeless(window, gap)) continue;
    const part = Math.max(0, Math.floor(gap.near / PART_BYTES));
    const group = parts.get(part);
    if (group) group.push(gap);
    else parts.set(part, [gap]);
  }
  return parts;
}

function isHopeless(window: Buffer, { start, end }: Gap): boolean {
  if (end - start < 8 * NOISE_SAMPLE_BYTES) return false;
  const samples = [start, Math.floor((start + end) / 2), end - NOISE_SAMPLE_BYTES];
  return samples.every((at) => isNoise(window.subarray(at, at + NOISE_SAMPLE_BYTES)));
}

/** Gaps in groups of at most what the library holds, in their order; a longer gap is cut. */
function* inPieces(gaps: readonly Gap[]): Generator<{ start: number; end: number }[]> {
  let group: { start: number; end: number }[] = [];
  let room = MAX_TARGET_BYTES;
  for (const { start, end } of gaps) {
    for (let at = start; at < end; ) {
      const piece = { start: at, end: Math.min(end, at + room) };
      group.push(piece);
      room -= piece.end - at;
      at = piece.end;
      if (room > 0) continue;
      yield group;
      group = [];
      room = MAX_TARGET_BYTES;
    }
  }
  if (group.length > 0) yield group;
}

function merged(script: Script, filled: ReadonlyMap<number, Script>): Script {
  const result = new Script();
  const starts = [...filled.keys()].sort((a, b) => a - b);
  let next = 0;
  for (let i = 0; i < script.count; i++) {
    const end = script.from(i) + script.length(i);
    if (script.kind(i) !== GAP) {
      result.push(script.kind(i), script.from(i), script.length(i));
      continue;
    }
    for (let at = script.from(i); at < end; ) {
      const start = Math.min(end, starts[next] ?? end);
      if (start > at) {
        result.push(ADD, at, start - at);
        at = start;
        continue;
      }
      const piece = filled.get(starts[next++]!)!;
      for (let j = 0; j < piece.count; j++) {
        result.push(piece.kind(j), piece.from(j), piece.length(j));
        at += piece.length(j);
      }
    }
  }
  return result;
}
