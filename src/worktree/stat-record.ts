/*
 * One record of the index, 136 bytes, integers in little-endian, fields that do not apply zero:
 *
 *   W oid 32 | B oid 32 | size, mtimeNs, ctimeNs, ino, dev, mode, hashedAtNs u64 each | flags u32 | 12 bytes unused
 *
 * Flags: 1 W known, 2 W executable, 4 B known, 8 B executable, 16 restore open, 32 conflict open, 64 told.
 */
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

/** Bytes of a record. */
export const RECORD = 136;
const W = 1, W_EXEC = 2, B = 4, B_EXEC = 8, RESTORE = 16, CONFLICT = 32, TOLD = 64;

export function writeRecord(buffer: Buffer, at: number, { w, b, open, told }: IndexEntry): void {
  buffer.fill(0, at, at + RECORD);
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

export function readRecord(buffer: Buffer, at: number): IndexEntry {
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

export function readW(bytes: Buffer, at: number): Content | undefined {
  const flags = flagsAt(bytes, at);
  return flags & W ? { oid: oidAt(bytes, at), exec: (flags & W_EXEC) !== 0 } : undefined;
}

export function readB(bytes: Buffer, at: number): Content | undefined {
  const flags = flagsAt(bytes, at);
  return flags & B ? { oid: oidAt(bytes, at + 32), exec: (flags & B_EXEC) !== 0 } : undefined;
}

/** Of W. */
export function readStat(bytes: Buffer, at: number): FileStat | undefined {
  if ((flagsAt(bytes, at) & W) === 0) return undefined;
  const field = (i: number): bigint => bytes.readBigUInt64LE(at + 64 + 8 * i);
  return { size: field(0), mtimeNs: BigInt.asIntN(64, field(1)), ctimeNs: BigInt.asIntN(64, field(2)), ino: field(3), dev: field(4), mode: field(5) };
}

/** Whether B is this content, with nothing open and nothing told. */
export function isSettledAs(bytes: Buffer, at: number, { oid, exec }: Content): boolean {
  return isPlainlyKnown(bytes, at, exec) && oidAt(bytes, at + 32) === oid;
}

/** W, where it and B are both this content and nothing is open. */
export function settledAt(bytes: Buffer, at: number, { oid, exec }: Content): Hashed | undefined {
  if ((flagsAt(bytes, at) & ~TOLD) !== (exec ? W | W_EXEC | B | B_EXEC : W | B) || oidAt(bytes, at) !== oid || !isOneOid(bytes, at)) return undefined;
  return readHashed(bytes, at, oid, exec);
}

/** Whether B is known with this executable bit, with nothing open and nothing told. */
export function isPlainlyKnown(bytes: Buffer, at: number, exec: boolean): boolean {
  return (flagsAt(bytes, at) & (B | B_EXEC | RESTORE | CONFLICT | TOLD)) === (exec ? B | B_EXEC : B);
}

export function isConflict(bytes: Buffer, at: number): boolean {
  return (flagsAt(bytes, at) & CONFLICT) !== 0;
}

function flagsAt(buffer: Buffer, at: number): number {
  return buffer.readUInt32LE(at + 120);
}

/** Whether W and B have the same oid. */
function isOneOid(buffer: Buffer, at: number): boolean {
  return buffer.compare(buffer, at + 32, at + 64, at, at + 32) === 0;
}

function readHashed(buffer: Buffer, at: number, oid: Oid, exec: boolean): Hashed {
  return { oid, exec, stat: readStat(buffer, at)!, hashedAtNs: buffer.readBigUInt64LE(at + 112) };
}
