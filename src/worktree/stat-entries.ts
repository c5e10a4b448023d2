/*
 * The entries of the index and their bytes:
 *
 *   magic "BLSTIDX1" | count u32 | bytes of paths u32
 *   count records: see stat-record.ts
 *   paths in UTF-8, each ended by NUL; they ascend by their bytes (older versions wrote them in any order)
 *   SHA-256 of all before it, 32 bytes
 *
 * Integers are little-endian.
 */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { systemCode } from "../errors.ts";
import type { Asset } from "../manifest/manifest.ts";
import { comparePaths } from "../manifest/path.ts";
import type { FileStat } from "../object/stable-file.ts";
import { movedAssets } from "./moved.ts";
import { isConflict, isSettledAs, readB, readRecord, readStat, readW, RECORD, settledAt, writeRecord, type Hashed, type IndexEntry } from "./stat-record.ts";
import { SortedPaths } from "./sorted-paths.ts";
import type { Content } from "./states.ts";

export type { Hashed, IndexEntry };

const MAGIC = Buffer.from("BLSTIDX1");
const HEAD = 16;
const NONE = Buffer.alloc(0);

/** The entries in a file; none when it is missing or damaged. */
export function readEntries(file: string): Entries {
  try {
    return new Entries(readFileSync(file));
  } catch (error) {
    if (systemCode(error) === "ENOENT") return new Entries(NONE);
    throw error;
  }
}

/**
 * Entries by path. They stay records, as in the file: there may be a million, and as objects they would take four times the
 * memory. What is asked for is decoded then, and what nobody touches is written as it was read.
 */
export class Entries {
  /** What was read, and where its paths are. A record of it is written over when its path is set. */
  readonly #bytes: Buffer;
  readonly #paths: SortedPaths;
  #isAsRead = true;
  /** Paths that were not read: where their records begin in `#records`; undefined for what was read and is deleted. */
  readonly #own = new Map<string, number | undefined>();
  #records: Buffer = NONE;
  #recordBytes = 0;
  #size: number;

  /** @param bytes a whole index; anything else has no entries */
  constructor(bytes: Buffer) {
    const count = isWhole(bytes) ? bytes.readUInt32LE(8) : 0;
    const paths = new SortedPaths(bytes, HEAD + count * RECORD, count);
    const sorted = count > 0 && paths.isSorted();
    this.#bytes = sorted ? bytes : NONE;
    this.#paths = sorted ? paths : new SortedPaths(NONE, 0, 0);
    this.#size = this.#paths.count;
    for (let i = 0; !sorted && i < count; i++) {
      const at = this.#place(paths.at(i));
      bytes.copy(this.#records, at, HEAD + i * RECORD, HEAD + (i + 1) * RECORD);
    }
  }

  get size(): number {
    return this.#size;
  }

  *keys(): Generator<string> {
    for (const path of this.#paths.all()) if (!this.#own.has(path) || this.#own.get(path) !== undefined) yield path;
    for (const [path, at] of this.#own) if (at !== undefined && this.#paths.find(path) < 0) yield path;
  }

  get(path: string): IndexEntry | undefined {
    return this.#read(path, readRecord);
  }

  w(path: string): Content | undefined {
    return this.#read(path, readW);
  }

  b(path: string): Content | undefined {
    return this.#read(path, readB);
  }

  stat(path: string): FileStat | undefined {
    return this.#read(path, readStat);
  }

  set(path: string, entry: IndexEntry): void {
    this.#isAsRead = false;
    const i = this.#paths.find(path);
    if (i >= 0 && !this.#own.has(path)) return writeRecord(this.#bytes, HEAD + i * RECORD, entry);
    // Which may be another buffer afterwards.
    const at = this.#place(path);
    writeRecord(this.#records, at, entry);
  }

  delete(path: string): boolean {
    if (this.#read(path, () => true) === undefined) return false;
    this.#own.set(path, undefined);
    this.#size -= 1;
    return true;
  }

  /** Whether B is this content, with nothing open and nothing told. */
  isSettledAs(path: string, content: Content): boolean {
    return this.#read(path, (bytes, at) => isSettledAs(bytes, at, content)) === true;
  }

  /** W, where it and B are both this content and nothing is open. */
  settled(path: string, content: Content): Hashed | undefined {
    return this.#read(path, (bytes, at) => settledAt(bytes, at, content));
  }

  /** See {@link movedAssets}; undefined where that cannot tell. */
  moved(manifest: Buffer): Map<string, Asset | undefined> | undefined {
    return !this.#isAsRead || this.#own.size > 0 ? undefined : movedAssets(manifest, { bytes: this.#bytes, start: HEAD, paths: this.#paths });
  }

  /** The paths of open conflicts. */
  inConflict(): string[] {
    const paths: string[] = [];
    for (let i = 0; i < this.#paths.count; i++) {
      const path = isConflict(this.#bytes, HEAD + i * RECORD) ? this.#paths.at(i) : undefined;
      if (path !== undefined && !this.#own.has(path)) paths.push(path);
    }
    for (const [path, at] of this.#own) if (at !== undefined && isConflict(this.#records, at)) paths.push(path);
    return paths;
  }

  /** The bytes of a file with these entries. */
  encode(): Buffer {
    const own = [...this.#own].sort(([a], [b]) => comparePaths(a, b));
    const paths = this.#paths;
    let pathBytes = paths.bytesOf(0, paths.count);
    for (const [path, at] of own) pathBytes += (Buffer.byteLength(path) + 1) * ((at === undefined ? 0 : 1) - (paths.find(path) < 0 ? 0 : 1));
    const recordsEnd = HEAD + this.#size * RECORD;
    const buffer = Buffer.allocUnsafe(recordsEnd + pathBytes + 32);
    MAGIC.copy(buffer);
    buffer.writeUInt32LE(this.#size, 8);
    buffer.writeUInt32LE(pathBytes, 12);
    let [to, pathTo, from] = [HEAD, recordsEnd, 0];
    // What stands together as it did is copied together.
    const copyUntil = (end: number): void => {
      if (end === from) return;
      to += this.#bytes.copy(buffer, to, HEAD + from * RECORD, HEAD + end * RECORD);
      pathTo += paths.copy(buffer, pathTo, from, end);
      from = end;
    };
    for (const [path, at] of own) {
      const next = paths.notBelow(path, from);
      copyUntil(next);
      if (paths.is(next, path)) from += 1;
      if (at === undefined) continue;
      to += this.#records.copy(buffer, to, at, at + RECORD);
      pathTo += buffer.write(`${path}\0`, pathTo);
    }
    copyUntil(paths.count);
    createHash("sha256").update(buffer.subarray(0, -32)).digest().copy(buffer, buffer.length - 32);
    return buffer;
  }

  #read<T>(path: string, read: (bytes: Buffer, at: number) => T): T | undefined {
    const own = this.#own.size === 0 ? undefined : this.#own.get(path);
    if (own !== undefined) return read(this.#records, own);
    if (this.#own.size > 0 && this.#own.has(path)) return undefined;
    const i = this.#paths.find(path);
    return i < 0 ? undefined : read(this.#bytes, HEAD + i * RECORD);
  }

  /** Where a path's own record is, which is made where there is none. */
  #place(path: string): number {
    const known = this.#own.get(path);
    if (known !== undefined) return known;
    if (this.#own.has(path) || this.#paths.find(path) < 0) this.#size += 1;
    const at = this.#recordBytes;
    this.#recordBytes += RECORD;
    if (this.#records.length < this.#recordBytes) this.#records = Buffer.concat([this.#records], 2 * this.#recordBytes);
    this.#own.set(path, at);
    return at;
  }
}

/** Whether the bytes are an undamaged index. */
function isWhole(bytes: Buffer): boolean {
  if (bytes.length < 48 || !bytes.subarray(0, 8).equals(MAGIC)) return false;
  const body = bytes.subarray(0, -32);
  if (!createHash("sha256").update(body).digest().equals(bytes.subarray(-32))) return false;
  return HEAD + bytes.readUInt32LE(8) * RECORD + bytes.readUInt32LE(12) === body.length;
}
