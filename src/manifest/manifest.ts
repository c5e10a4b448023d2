/*
 * The manifest: JSON Lines in UTF-8, one canonical encoding only.
 *
 *   {"ballast":"manifest","version":1}
 *   {"path":"art/hero.psd","oid":"<64 hex digits>","size":1048576}
 *   {"path":"bin/tool","oid":"<64 hex digits>","size":42,"exec":true}
 *
 * Assets ascend strictly by the UTF-8 bytes of their paths; every line ends in a line feed. Only what the filter
 * answers to a Git command that merely looks may hold a provisional line, which no reader accepts:
 *
 *   {"path":"art/hero.psd","provisional":true,"size":1048577,"mtime":"1700000000000000000"}
 */
import { BallastError } from "../errors.ts";
import { matchedOid, oidOf, type Oid } from "../object/oid.ts";
import { comparePaths, refusal } from "./path.ts";

export interface Asset {
  readonly path: string;
  readonly oid: Oid;
  readonly sizeBytes: number;
  readonly exec: boolean;
}

/** Assets by path. Iteration order is insertion order; {@link formatManifest} sorts. */
export type Manifest = ReadonlyMap<string, Asset>;

const HEADER = '{"ballast":"manifest","version":1}';
/** A path of 4,096 bytes, every byte escaped, and the rest of the line. */
const MAX_LINE_CHARS = 32 * 1024;

/** Whether two states of a path are the same content under the same mode. */
export function sameAsset(a: Asset | undefined, b: Asset | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return a.oid === b.oid && a.exec === b.exec;
}

/**
 * @param origin names the text in errors, e.g. `.ballast/manifest.jsonl` or `<commit>:.ballast/manifest.jsonl`
 * @throws MANIFEST_INVALID, MANIFEST_VERSION, PATH_REFUSED, CONFLICT (Git's conflict markers)
 */
export function parseManifest(text: string | Uint8Array, origin: string): Manifest {
  if (typeof text === "string") return parseText(text, origin);
  // Versions are often the same, and read one after the other. Large ones only: those of a long history are many.
  const oid = text.length < LARGE_BYTES ? undefined : oidOf(text);
  const known = oid !== undefined && last?.oid === oid ? last.manifest.deref() : undefined;
  const manifest = known ?? parseText(decode(text, origin), origin);
  if (oid !== undefined) last = { oid, manifest: new WeakRef(manifest) };
  return manifest;
}

const LARGE_BYTES = 1024 * 1024;
let last: { readonly oid: Oid; readonly manifest: WeakRef<Manifest> } | undefined;

function parseText(all: string, origin: string): Manifest {
  const manifest = new Map<string, Asset>();
  for (const asset of eachAsset([all], origin)) manifest.set(asset.path, asset);
  return manifest;
}

/**
 * The assets of a manifest one after the other, for whoever does not need all at once: there may be a million.
 * @param pieces of its text, each of whole lines, as they come
 * @throws as {@link parseManifest}, once the asset is reached
 */
export function* eachAsset(pieces: Iterable<string | Uint8Array>, origin: string): Generator<Asset> {
  let number = 0;
  let previous = "";
  for (const piece of pieces) {
    const text = typeof piece === "string" ? piece : decode(piece, origin);
    if (text !== "" && !text.endsWith("\n")) throw invalid(origin, number + text.split("\n").length, "the last line has no line feed");
    for (let start = 0; start < text.length || number === 0; ) {
      const end = text.indexOf("\n", start);
      const line = text.slice(start, end);
      start = end + 1;
      number += 1;
      if (number === 1 && line !== HEADER) throw badHeader([line], origin);
      if (number === 1) continue;
      const asset = parseLine(line, origin, number);
      if (number > 2 && comparePaths(previous, asset.path) >= 0) {
        const what = previous === asset.path ? "appears twice" : "is out of order";
        throw invalid(origin, number, `${JSON.stringify(asset.path)} ${what}`);
      }
      yield asset;
      previous = asset.path;
    }
  }
  if (number === 0) throw badHeader([""], origin);
}

/** The one encoding of these assets. `provisional` lines replace or join them, for eyes only. */
export function formatManifest(assets: Iterable<Asset>, provisional: Iterable<Provisional> = []): string {
  return [...manifestPieces(assets, provisional)].join("");
}

/** {@link formatManifest} in UTF-8. */
export function manifestBytes(assets: Iterable<Asset>, provisional: Iterable<Provisional> = []): Buffer {
  return Buffer.concat(Array.from(manifestPieces(assets, provisional), (text) => Buffer.from(text)));
}

/** {@link formatManifest}, some lines at a time: as one text a million would take several times their size. */
export function* manifestPieces(assets: Iterable<Asset>, provisional: Iterable<Provisional> = []): Generator<string> {
  let all: (Asset | Provisional)[] = [...assets, ...provisional];
  if (!isSorted(all)) {
    all = [...new Map(all.map((line) => [line.path, line])).values()];
    all.sort((a, b) => comparePaths(a.path, b.path));
  }
  yield `${HEADER}\n`;
  for (let at = 0; at < all.length; at += LINES_AT_ONCE) {
    yield all.slice(at, at + LINES_AT_ONCE).map((line) => ("oid" in line ? formatLine(line) : formatProvisional(line))).join("");
  }
}

const LINES_AT_ONCE = 1000;

function isSorted(lines: readonly { readonly path: string }[]): boolean {
  for (let i = 1; i < lines.length; i++) if (comparePaths(lines[i - 1]!.path, lines[i]!.path) >= 0) return false;
  return true;
}

/** A file too large to hash while somebody merely looks; its content is not known. */
export interface Provisional {
  readonly path: string;
  readonly sizeBytes: number;
  readonly mtimeNs: bigint;
}

export const EMPTY_MANIFEST = `${HEADER}\n`;

/** One line with its line feed. */
export function formatLine(asset: Asset): string {
  const exec = asset.exec ? ',"exec":true' : "";
  return `{"path":${JSON.stringify(asset.path)},"oid":"${asset.oid}","size":${asset.sizeBytes}${exec}}\n`;
}

/** {@link formatLine} of one that no reader accepts. */
export function formatProvisional(line: Provisional): string {
  return `{"path":${JSON.stringify(line.path)},"provisional":true,"size":${line.sizeBytes},"mtime":"${line.mtimeNs}"}\n`;
}

const LINE = /^\{"path":"((?:[^"\\]|\\.)*)","oid":"([0-9a-f]{64})","size":(0|[1-9][0-9]{0,15})(,"exec":true)?\}$/;

/**
 * One line without its line feed.
 * @throws MANIFEST_INVALID, PATH_REFUSED, CONFLICT
 */
export function parseLine(line: string, origin: string, lineNumber: number): Asset {
  if (line.length > MAX_LINE_CHARS) throw invalid(origin, lineNumber, "the line is too long");
  const match = LINE.exec(line);
  if (!match) throw badLine(line, origin, lineNumber);
  const [, escaped, oid, size, exec] = match;
  let path = escaped!;
  // Anything that JSON would write in another way is a second encoding of the same asset.
  if (UNUSUAL.test(path)) {
    path = unescape(path, origin, lineNumber);
    if (JSON.stringify(path) !== `"${escaped}"`) throw invalid(origin, lineNumber, "the path is not canonically encoded");
  }
  const why = refusal(path);
  if (why !== undefined) {
    throw new BallastError("PATH_REFUSED", `${origin}, line ${lineNumber}: path ${JSON.stringify(path)} is refused: ${why}`, {
      hint: "do not restore this manifest; ask who committed it",
    });
  }
  const sizeBytes = Number(size);
  if (!Number.isSafeInteger(sizeBytes)) throw invalid(origin, lineNumber, "the size is out of range");
  return { path, oid: matchedOid(oid!), sizeBytes, exec: exec !== undefined };
}

const UNUSUAL = /[\\\u0000-\u001f\ud800-\udfff]/;

function unescape(escaped: string, origin: string, lineNumber: number): string {
  try {
    return JSON.parse(`"${escaped}"`) as string;
  } catch {
    throw invalid(origin, lineNumber, "the path is not a JSON string");
  }
}

function decode(text: Uint8Array, origin: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(text);
  } catch (cause) {
    throw new BallastError("MANIFEST_INVALID", `${origin} is not UTF-8`, { hint: RESTORE_HINT, cause });
  }
}

const RESTORE_HINT = "git log -- .ballast/manifest.jsonl shows its history; git checkout <commit> -- .ballast/manifest.jsonl brings a version back";

/** Why the first line of a manifest cannot be read. */
export function badHeader(lines: readonly string[], origin: string): BallastError {
  const version = /^\{"ballast":"manifest","version":(\d+)/.exec(lines[0] ?? "")?.[1];
  if (version !== undefined && version !== "1") {
    return new BallastError("MANIFEST_VERSION", `${origin} has version ${version}; this Ballast reads version 1`, {
      hint: "install a newer Ballast: npm install -g git-ballast",
    });
  }
  if (lines[0] === `${HEADER}\r`) {
    return new BallastError("MANIFEST_INVALID", `${origin} has line ends of another system (CR LF), which an attribute of Git's has brought in`, {
      hint: "git ballast init puts Ballast's lines last in .gitattributes; then git checkout -- .ballast",
    });
  }
  return badLine(lines[0] ?? "", origin, 1);
}

function badLine(line: string, origin: string, lineNumber: number): BallastError {
  if (/^(<{7}|\|{7}|={7}|>{7})( |$)/.test(line)) {
    return new BallastError("CONFLICT", `${origin} holds unresolved conflicts (line ${lineNumber})`, {
      hint: "git ballast resolve <path> --ours or --theirs settles an asset",
    });
  }
  if (line.includes('"provisional":true')) {
    return invalid(origin, lineNumber, "a line was written while its file was still being looked at");
  }
  return invalid(origin, lineNumber, lineNumber === 1 ? "this is not a manifest" : "not a canonical asset line");
}

function invalid(origin: string, lineNumber: number, what: string): BallastError {
  return new BallastError("MANIFEST_INVALID", `${origin}, line ${lineNumber}: ${what}`, { hint: RESTORE_HINT });
}
