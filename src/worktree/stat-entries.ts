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

/** Entries by path. A record is decoded when it is asked for, and one that nobody changed is written as it was read. */
export class Entries {
  /** Where a record begins in `#bytes`, or what stands there instead by now. */
  readonly #records = new Map<string, number | IndexEntry>();
  readonly #bytes: Buffer;
  /** Records that were asked for. */
  readonly #decoded = new Map<string, IndexEntry>();

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
    if (typeof record !== "number") return record;
    let entry = this.#decoded.get(path);
    if (entry === undefined) this.#decoded.set(path, (entry = readRecord(this.#bytes, record)));
    return entry;
  }

  set(path: string, entry: IndexEntry): void {
    this.#records.set(path, entry);
  }

  delete(path: string): boolean {
    return this.#records.delete(path);
  }

  /** Whether B is this content, with nothing open and nothing told. */
  isSettledAs(path: string, { oid, exec }: Content): boolean {
    const record = this.#records.get(path);
    if (typeof record !== "number") return record?.b?.oid === oid && record.b.exec === exec && record.open === undefined && record.told !== true;
    const flags = this.#bytes.readUInt32LE(record + 120);
    return (flags & (B | B_EXEC | RESTORE | CONFLICT | TOLD)) === (exec ? B | B_EXEC : B) && oidAt(this.#bytes, record + 32) === oid;
  }

  /** W, where it and B are both this content and nothing is open. Unlike {@link get}, it keeps nothing that it decodes. */
  settled(path: string, { oid, exec }: Content): Hashed | undefined {
    const record = this.#records.get(path);
    if (record === undefined) return undefined;
    if (typeof record === "number") {
      const flags = this.#bytes.readUInt32LE(record + 120) & ~TOLD;
      if (flags !== (exec ? W | W_EXEC | B | B_EXEC : W | B) || oidAt(this.#bytes, record) !== oid || !isOneOid(this.#bytes, record)) return undefined;
      return readHashed(this.#bytes, record, oid, exec);
    }
    const { w, b, open } = record;
    return w !== undefined && b !== undefined && open === undefined && w.oid === oid && b.oid === oid && w.exec === exec && b.exec === exec ? w : undefined;
  }

  /** The bytes of a file with these entries. */
  encode(): Buffer {
    const paths = Buffer.from([...this.#records.keys()].map((path) => `${path}\0`).join(""));
    const buffer = Buffer.alloc(HEAD + this.#records.size * RECORD + paths.length + 32);
    MAGIC.copy(buffer);
    buffer.writeUInt32LE(this.#records.size, 8);
    buffer.writeUInt32LE(paths.length, 12);
    let at = HEAD;
    // Records that stand together as they did are copied together.
    let from = 0;
    let length = 0;
    for (const record of this.#records.values()) {
      const follows = record === from + length;
      if (length > 0 && !follows) at += this.#bytes.copy(buffer, at, from, from + length);
      if (typeof record === "number") {
        if (!follows || length === 0) [from, length] = [record, 0];
        length += RECORD;
      } else {
        length = 0;
        writeRecord(buffer, at, record);
        at += RECORD;
      }
    }
    at += this.#bytes.copy(buffer, at, from, from + length);
    paths.copy(buffer, at);
    createHash("sha256").update(buffer.subarray(0, -32)).digest().copy(buffer, buffer.length - 32);
    return buffer;
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
  const flags = buffer.readUInt32LE(at + 120);
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

function isOneOid(buffer: Buffer, at: number): boolean {
  return buffer.compare(buffer, at + 32, at + 64, at, at + 32) === 0;
}

function readHashed(buffer: Buffer, at: number, oid: Oid, exec: boolean): Hashed {
  const field = (i: number): bigint => buffer.readBigUInt64LE(at + 64 + 8 * i);
  const stat: FileStat = { size: field(0), mtimeNs: BigInt.asIntN(64, field(1)), ctimeNs: BigInt.asIntN(64, field(2)), ino: field(3), dev: field(4), mode: field(5) };
  return { oid, exec, stat, hashedAtNs: field(6) };
}
