/*
 * The entries of the index and their bytes:
 *
 *   magic "BLSTIDX1" | count u32 | bytes of paths u32
 *   count × 136 bytes: W oid 32 | B oid 32 | size, mtimeNs, ctimeNs, ino, dev, mode, hashedAtNs u64 each, flags u32, 12 bytes unused
 *                      (fields that do not apply are zero)
 *   paths in UTF-8, each ended by NUL
 *   SHA-256 of all before it, 32 bytes
 *
 * Integers are little-endian. Flags: 1 W known, 2 W executable, 4 B known, 8 B executable, 16 restore open,
 * 32 conflict open, 64 told.
 */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { systemCode } from "../errors.ts";
import { oidAt, type Oid } from "../object/oid.ts";
import type { FileStat } from "../object/stable-file.ts";
import type { Content } from "./states.ts";

/** The content that a file had when it was hashed. */
export interface Hashed extends Content {
  readonly stat: FileStat;
  /** This machine's clock when the hashing began. */
  readonly hashedAtNs: bigint;
}

export interface IndexEntry {
  readonly w?: Hashed | undefined;
  readonly b?: Content | undefined;
  readonly open?: "restore" | "conflict" | undefined;
  /** Git was told, while it merely looked, that the file (as `w` has its stat, or absent without `w`) is edited. */
  readonly told?: boolean | undefined;
}

const MAGIC = Buffer.from("BLSTIDX1");
const HEAD = 16;
const RECORD = 136;
const W = 1, W_EXEC = 2, B = 4, B_EXEC = 8, RESTORE = 16, CONFLICT = 32, TOLD = 64;

/** The entries in a file; none when it is missing or damaged. */
export function readEntries(file: string): Entries {
  try {
    return new Entries(readFileSync(file));
  } catch (error) {
    if (systemCode(error) === "ENOENT") return new Entries(NONE);
    throw error;
  }
}

const NONE = Buffer.alloc(0);

/**
 * Entries by path. They stay records, as in the file: there may be a million, and as objects they would take four times the
 * memory. What is asked for is decoded then.
 */
export class Entries {
  /** Where the record of each path begins: in `#bytes`, or behind its end in `#own`. */
  readonly #records = new Map<string, number>();
  readonly #bytes: Buffer;
  /** Records that were set here. */
  #own: Buffer = NONE;
  #ownBytes = 0;

  /** @param bytes a whole index; anything else has no entries */
  constructor(bytes: Buffer) {
    this.#bytes = bytes;
    if (!isWhole(bytes)) return;
    const count = bytes.readUInt32LE(8);
    const paths = bytes.toString("utf8", HEAD + count * RECORD, bytes.length - 32).split("\0");
    for (let i = 0; i < count; i++) this.#records.set(paths[i]!, HEAD + i * RECORD);
  }

  get size(): number {
    return this.#records.size;
  }

  keys(): IterableIterator<string> {
    return this.#records.keys();
  }

  get(path: string): IndexEntry | undefined {
    const record = this.#records.get(path);
    return record === undefined ? undefined : readRecord(this.#bufferOf(record), this.#offsetOf(record));
  }

  set(path: string, entry: IndexEntry): void {
    let record = this.#records.get(path);
    if (record === undefined || record < this.#bytes.length) {
      record = this.#bytes.length + this.#ownBytes;
      this.#ownBytes += RECORD;
      if (this.#own.length < this.#ownBytes) this.#own = Buffer.concat([this.#own], 2 * this.#ownBytes);
      this.#records.set(path, record);
    }
    const at = this.#offsetOf(record);
    writeRecord(this.#own.fill(0, at, at + RECORD), at, entry);
  }

  delete(path: string): boolean {
    return this.#records.delete(path);
  }

  /** Whether B is this content, with nothing open and nothing told. */
  isSettledAs(path: string, { oid, exec }: Content): boolean {
    const record = this.#records.get(path);
    if (record === undefined) return false;
    const [bytes, at] = [this.#bufferOf(record), this.#offsetOf(record)];
    return (flagsAt(bytes, at) & (B | B_EXEC | RESTORE | CONFLICT | TOLD)) === (exec ? B | B_EXEC : B) && oidAt(bytes, at + 32) === oid;
  }

  /** W, where it and B are both this content and nothing is open. */
  settled(path: string, { oid, exec }: Content): Hashed | undefined {
    const record = this.#records.get(path);
    if (record === undefined) return undefined;
    const [bytes, at] = [this.#bufferOf(record), this.#offsetOf(record)];
    if ((flagsAt(bytes, at) & ~TOLD) !== (exec ? W | W_EXEC | B | B_EXEC : W | B) || oidAt(bytes, at) !== oid || !isOneOid(bytes, at)) return undefined;
    return readHashed(bytes, at, oid, exec);
  }

  /** The paths of open conflicts. */
  inConflict(): string[] {
    const paths: string[] = [];
    for (const [path, record] of this.#records) if (flagsAt(this.#bufferOf(record), this.#offsetOf(record)) & CONFLICT) paths.push(path);
    return paths;
  }

  /** The bytes of a file with these entries. */
  encode(): Buffer {
    let pathBytes = 0;
    for (const path of this.#records.keys()) pathBytes += Buffer.byteLength(path) + 1;
    const buffer = Buffer.alloc(HEAD + this.#records.size * RECORD + pathBytes + 32);
    MAGIC.copy(buffer);
    buffer.writeUInt32LE(this.#records.size, 8);
    buffer.writeUInt32LE(pathBytes, 12);
    let at = HEAD;
    // Records that stand together as they did are copied together.
    let from = 0;
    let length = 0;
    for (const record of this.#records.values()) {
      if (record !== from + length) {
        at += this.#copy(buffer, at, from, length);
        [from, length] = [record, 0];
      }
      length += RECORD;
    }
    at += this.#copy(buffer, at, from, length);
    for (const path of this.#records.keys()) at += buffer.write(path, at) + 1;
    createHash("sha256").update(buffer.subarray(0, -32)).digest().copy(buffer, buffer.length - 32);
    return buffer;
  }

  #copy(to: Buffer, at: number, record: number, length: number): number {
    const offset = this.#offsetOf(record);
    return length === 0 ? 0 : this.#bufferOf(record).copy(to, at, offset, offset + length);
  }

  #bufferOf(record: number): Buffer {
    return record < this.#bytes.length ? this.#bytes : this.#own;
  }

  #offsetOf(record: number): number {
    return record < this.#bytes.length ? record : record - this.#bytes.length;
  }
}

/** Whether the bytes are an undamaged index. */
function isWhole(bytes: Buffer): boolean {
  if (bytes.length < 48 || !bytes.subarray(0, 8).equals(MAGIC)) return false;
  const body = bytes.subarray(0, -32);
  if (!createHash("sha256").update(body).digest().equals(bytes.subarray(-32))) return false;
  return HEAD + bytes.readUInt32LE(8) * RECORD + bytes.readUInt32LE(12) === body.length;
}

function writeRecord(buffer: Buffer, at: number, { w, b, open, told }: IndexEntry): void {
  if (w) {
    buffer.write(w.oid, at, "hex");
    const { size, mtimeNs, ctimeNs, ino, dev, mode } = w.stat;
    let field = at + 64;
    for (const value of [size, mtimeNs, ctimeNs, ino, dev, mode, w.hashedAtNs]) {
      buffer.writeBigUInt64LE(BigInt.asUintN(64, value), field);
      field += 8;
    }
  }
  if (b) buffer.write(b.oid, at + 32, "hex");
  const flags = (w ? W : 0) | (w?.exec ? W_EXEC : 0) | (b ? B : 0) | (b?.exec ? B_EXEC : 0) | (open === "restore" ? RESTORE : 0) | (open === "conflict" ? CONFLICT : 0) | (told ? TOLD : 0);
  buffer.writeUInt32LE(flags, at + 120);
}

function readRecord(buffer: Buffer, at: number): IndexEntry {
  const flags = flagsAt(buffer, at);
  const w = flags & W ? oidAt(buffer, at) : undefined;
  // As a rule both are one content, whose oid is kept once.
  const isOne = w !== undefined && isOneOid(buffer, at);
  return {
    w: w ? readHashed(buffer, at, w, (flags & W_EXEC) !== 0) : undefined,
    b: flags & B ? { oid: isOne ? w : oidAt(buffer, at + 32), exec: (flags & B_EXEC) !== 0 } : undefined,
    open: flags & RESTORE ? "restore" : flags & CONFLICT ? "conflict" : undefined,
    told: (flags & TOLD) !== 0,
  };
}

function flagsAt(buffer: Buffer, at: number): number {
  return buffer.readUInt32LE(at + 120);
}

/** Whether W and B have the same oid. */
function isOneOid(buffer: Buffer, at: number): boolean {
  return buffer.compare(buffer, at + 32, at + 64, at, at + 32) === 0;
}

function readHashed(buffer: Buffer, at: number, oid: Oid, exec: boolean): Hashed {
  const field = (i: number): bigint => buffer.readBigUInt64LE(at + 64 + 8 * i);
  const stat: FileStat = { size: field(0), mtimeNs: BigInt.asIntN(64, field(1)), ctimeNs: BigInt.asIntN(64, field(2)), ino: field(3), dev: field(4), mode: field(5) };
  return { oid, exec, stat, hashedAtNs: field(6) };
}
