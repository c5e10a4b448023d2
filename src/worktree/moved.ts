import { EMPTY_MANIFEST, parseLine, type Asset } from "../manifest/manifest.ts";
import { comparePaths } from "../manifest/path.ts";
import type { SortedPaths } from "./sorted-paths.ts";
import { isPlainlyKnown, isSettledAs, RECORD } from "./stat-record.ts";

/** The records of an index as they were read, in the order of their paths. */
export interface SortedRecords {
  readonly bytes: Buffer;
  /** Where the first record begins. */
  readonly start: number;
  readonly paths: SortedPaths;
}

/**
 * What of a manifest is not what Git last knew: assets whose B is another content, or with something open or told, and
 * paths that the manifest does not have (undefined). Manifest and index ascend alike, so both are gone through once, as
 * bytes: a line that is as its record says is neither parsed nor kept.
 * @returns undefined for what is no manifest; parsing it tells why
 */
export function movedAssets(manifest: Buffer, { bytes, start, paths }: SortedRecords): Map<string, Asset | undefined> | undefined {
  const moved = new Map<string, Asset | undefined>();
  if (manifest.length === 0) return undefined;
  if (manifest.toString("latin1", 0, HEADER_BYTES) !== EMPTY_MANIFEST) return undefined;
  let i = 0;
  let previous: string | number | undefined;
  for (let at = HEADER_BYTES; at < manifest.length; ) {
    const next = i < paths.count ? endIfKnown(manifest, at, bytes, start + i * RECORD, paths.startOf(i), paths.startOf(i + 1) - 1) : 0;
    if (next > 0) {
      previous = i++;
      at = next;
      continue;
    }
    const end = manifest.indexOf(LINE_FEED, at);
    const asset = end < 0 ? undefined : readLine(manifest.subarray(at, end));
    const before = typeof previous === "number" ? paths.at(previous) : previous;
    if (asset === undefined || (before !== undefined && comparePaths(before, asset.path) >= 0)) return undefined;
    for (; i < paths.count && comparePaths(paths.at(i), asset.path) < 0; i++) moved.set(paths.at(i), undefined);
    const known = paths.is(i, asset.path) ? i++ : undefined;
    if (known === undefined || !isSettledAs(bytes, start + known * RECORD, asset)) moved.set(asset.path, asset);
    previous = asset.path;
    at = end + 1;
  }
  for (; i < paths.count; i++) moved.set(paths.at(i), undefined);
  return moved;
}

const HEADER_BYTES = EMPTY_MANIFEST.length;
const LINE_FEED = 10;
const [BEFORE_PATH, BEFORE_OID, BEFORE_SIZE, BEFORE_END, EXEC] = ['{"path":"', '","oid":"', '","size":', "}\n", ',"exec":true'].map((text) => Buffer.from(text)) as [Buffer, Buffer, Buffer, Buffer, Buffer];

/** A line that is read for what it says, without its line feed; undefined when it is none. */
function readLine(bytes: Buffer): Asset | undefined {
  const text = bytes.toString("utf8");
  try {
    return text.includes("\ufffd") && !Buffer.from(text).equals(bytes) ? undefined : parseLine(text, "", 0);
  } catch {
    return undefined;
  }
}

/** Where the line at `at` ends, when it is the one line that names the path and the B of a record with nothing open or told; else 0. */
function endIfKnown(manifest: Buffer, at: number, bytes: Buffer, record: number, path: number, pathEnd: number): number {
  let to = after(BEFORE_PATH, manifest, at);
  if (to === 0) return 0;
  for (let from = path; from < pathEnd; from++, to++) {
    const byte = bytes[from]!;
    // What is written in another way than it is, or could end the path, is read like any other line.
    if (byte !== manifest[to] || byte < 0x20 || byte === QUOTE || byte === BACKSLASH) return 0;
  }
  to = after(BEFORE_OID, manifest, to);
  if (to === 0) return 0;
  for (let from = record + 32; from < record + 64; from++, to += 2) {
    if (bytes[from] !== ((DIGITS[manifest[to]!]! << 4) | DIGITS[manifest[to + 1]!]!)) return 0;
  }
  to = after(BEFORE_SIZE, manifest, to);
  const size = to;
  while (to > 0 && manifest[to]! >= ZERO && manifest[to]! <= NINE) to += 1;
  // Larger sizes may be none that a number holds.
  if (to === size || to - size > 15 || (manifest[size] === ZERO && to - size > 1)) return 0;
  const behindExec = after(EXEC, manifest, to);
  if (!isPlainlyKnown(bytes, record, behindExec > 0)) return 0;
  return after(BEFORE_END, manifest, behindExec || to);
}

/** Where it ends if these words are at `at`; else 0. */
function after(words: Buffer, bytes: Buffer, at: number): number {
  for (let i = 0; i < words.length; i++) if (bytes[at + i] !== words[i]) return 0;
  return at + words.length;
}

const QUOTE = 0x22, BACKSLASH = 0x5c, ZERO = 0x30, NINE = 0x39;

/** What each hexadecimal digit stands for, as the manifest writes it; more than a byte for anything else. */
const DIGITS = new Int16Array(256).fill(0x1000);
for (let i = 0; i < 16; i++) DIGITS[i.toString(16).charCodeAt(0)] = i;
