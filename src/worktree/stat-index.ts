/*
 * The index: what this worktree's files looked like when they were last hashed, and what Git last knew there.
 * It is a cache. A lost or damaged index costs a hash of every asset and never correctness.
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
import { mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fromSystemError, isBallastError, systemCode } from "../errors.ts";
import { oidAt, type Oid } from "../object/oid.ts";
import type { FileStat } from "../object/stable-file.ts";
import { acquireLock } from "../util/lock.ts";
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

/** The oid of a file that was looked at but was too large to hash then. */
export const UNKNOWN_OID = "0".repeat(64) as Oid;

const MAGIC = Buffer.from("BLSTIDX1");
const RECORD = 136;

export class StatIndex {
  readonly #file: string;
  #entries: Map<string, IndexEntry>;
  #identity: string;
  readonly #changed = new Map<string, IndexEntry | undefined>();

  private constructor(file: string) {
    this.#file = file;
    this.#identity = identityOf(file);
    this.#entries = readEntries(file);
  }

  /** Reads the index at `file`; a missing or damaged one is empty. */
  static open(file: string): StatIndex {
    return new StatIndex(file);
  }

  get(path: string): IndexEntry | undefined {
    return this.#entries.get(path);
  }

  paths(): Iterable<string> {
    return this.#entries.keys();
  }

  get size(): number {
    return this.#entries.size;
  }

  set(path: string, entry: IndexEntry | undefined): void {
    if (entry && !entry.w && !entry.b && !entry.open && !entry.told) entry = undefined;
    if (entry === undefined) {
      if (!this.#entries.delete(path)) return;
    } else this.#entries.set(path, entry);
    this.#changed.set(path, entry);
  }

  update(path: string, change: Partial<IndexEntry>): void {
    this.set(path, { ...this.get(path), ...change });
  }

  get dirty(): boolean {
    return this.#changed.size > 0;
  }

  /** Which file this was read from or written to: `inode:size:mtimeNs`; empty for none. */
  get identity(): string {
    return this.#identity;
  }

  /** Does something while nobody writes the index; nothing when somebody does, or has written it since. */
  async whileCurrent(work: () => Promise<void>): Promise<void> {
    const release = await acquireLock(this.#file, 0);
    if (release === undefined) return;
    try {
      if (identityOf(this.#file) === this.#identity) await work();
    } finally {
      await release().catch(() => {});
    }
  }

  /**
   * Writes what changed, on top of what another process may have written meanwhile.
   * @param patience how long to wait for another process, in milliseconds; 0 gives up at once and keeps the changes in
   *   memory, which is right for whoever merely looked
   * @throws LOCKED when another process holds the index for longer than `patience`; DISK_FULL, FILE_DENIED when `patience`
   *   is not 0
   */
  async save(patience = 30_000): Promise<void> {
    if (!this.dirty) return;
    try {
      await this.#write(patience);
    } catch (cause) {
      const error = fromSystemError(cause, `cannot write ${this.#file}`);
      // Whoever merely looks has seen what there was to see; the next one hashes again.
      if (patience > 0 || !isBallastError(error, "DISK_FULL", "FILE_DENIED")) throw error;
    }
  }

  async #write(patience: number): Promise<void> {
    mkdirSync(dirname(this.#file), { recursive: true });
    const release = await acquireLock(this.#file, patience);
    if (release === undefined) return;
    try {
      if (identityOf(this.#file) !== this.#identity) {
        this.#entries = readEntries(this.#file);
        for (const [path, entry] of this.#changed) {
          if (entry === undefined) this.#entries.delete(path);
          else this.#entries.set(path, entry);
        }
      }
      const temporary = join(dirname(this.#file), "tmp", `index.${process.pid}`);
      mkdirSync(dirname(temporary), { recursive: true });
      writeFileSync(temporary, encode(this.#entries));
      rmSync(join(dirname(this.#file), "seal"), { force: true });
      renameSync(temporary, this.#file);
      this.#identity = identityOf(this.#file);
      this.#changed.clear();
    } finally {
      await release().catch(() => {});
    }
  }
}

function identityOf(file: string): string {
  const stat = statSync(file, { bigint: true, throwIfNoEntry: false });
  return stat ? `${stat.ino}:${stat.size}:${stat.mtimeNs}` : "";
}

function encode(entries: ReadonlyMap<string, IndexEntry>): Buffer {
  const paths = Buffer.from([...entries.keys()].map((path) => `${path}\0`).join(""));
  const head = 16;
  const buffer = Buffer.alloc(head + entries.size * RECORD + paths.length + 32);
  MAGIC.copy(buffer);
  buffer.writeUInt32LE(entries.size, 8);
  buffer.writeUInt32LE(paths.length, 12);
  let at = head;
  for (const { w, b, open, told } of entries.values()) {
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
    const flags = (w ? 1 : 0) | (w?.exec ? 2 : 0) | (b ? 4 : 0) | (b?.exec ? 8 : 0) | (open === "restore" ? 16 : 0) | (open === "conflict" ? 32 : 0) | (told ? 64 : 0);
    buffer.writeUInt32LE(flags, at + 120);
    at += RECORD;
  }
  paths.copy(buffer, at);
  createHash("sha256").update(buffer.subarray(0, -32)).digest().copy(buffer, buffer.length - 32);
  return buffer;
}

function readEntries(file: string): Map<string, IndexEntry> {
  let buffer: Buffer;
  try {
    buffer = readFileSync(file);
  } catch (error) {
    if (systemCode(error) === "ENOENT") return new Map();
    throw error;
  }
  return decode(buffer) ?? new Map();
}

/** The entries, or undefined when the bytes are not an undamaged index. */
function decode(buffer: Buffer): Map<string, IndexEntry> | undefined {
  if (buffer.length < 48 || !buffer.subarray(0, 8).equals(MAGIC)) return undefined;
  const body = buffer.subarray(0, -32);
  if (!createHash("sha256").update(body).digest().equals(buffer.subarray(-32))) return undefined;
  const count = buffer.readUInt32LE(8);
  if (16 + count * RECORD + buffer.readUInt32LE(12) !== body.length) return undefined;
  const paths = body.toString("utf8", 16 + count * RECORD).split("\0");
  const entries = new Map<string, IndexEntry>();
  for (let i = 0; i < count; i++) entries.set(paths[i]!, readRecord(buffer, 16 + i * RECORD));
  return entries;
}

function readRecord(buffer: Buffer, at: number): IndexEntry {
  const flags = buffer.readUInt32LE(at + 120);
  const field = (i: number): bigint => buffer.readBigUInt64LE(at + 64 + 8 * i);
  const stat = (): FileStat => ({ size: field(0), mtimeNs: BigInt.asIntN(64, field(1)), ctimeNs: BigInt.asIntN(64, field(2)), ino: field(3), dev: field(4), mode: field(5) });
  return {
    w: flags & 1 ? { oid: oidAt(buffer, at), exec: (flags & 2) !== 0, stat: stat(), hashedAtNs: field(6) } : undefined,
    b: flags & 4 ? { oid: oidAt(buffer, at + 32), exec: (flags & 8) !== 0 } : undefined,
    open: flags & 16 ? "restore" : flags & 32 ? "conflict" : undefined,
    told: (flags & 64) !== 0,
  };
}

/** Whether a file is the very file that was hashed, untouched. */
export function sameStat(a: FileStat, b: FileStat): boolean {
  return a.mtimeNs === b.mtimeNs && a.size === b.size && a.ino === b.ino && a.ctimeNs === b.ctimeNs && a.dev === b.dev;
}

/**
 * Whether a file could have been written again, after it was hashed, without its times telling. Times that have a
 * fraction of a second come from a file system that keeps nanoseconds, of which the kernel's tick (at most 10 ms) is
 * the granularity; a whole second in both may come from one that keeps two seconds.
 */
export function isRacy({ stat, hashedAtNs }: Pick<Hashed, "stat" | "hashedAtNs">): boolean {
  const fine = stat.mtimeNs % 1_000_000_000n !== 0n || stat.ctimeNs % 1_000_000_000n !== 0n;
  const last = stat.mtimeNs > stat.ctimeNs ? stat.mtimeNs : stat.ctimeNs;
  return last > hashedAtNs - (fine ? RACY_WINDOW_NS : 2_000_000_000n);
}

/** The window in which a file with fine-grained times counts as racy. */
export const RACY_WINDOW_NS = 100_000_000n;

/** This machine's clock in nanoseconds since 1970, at millisecond precision. */
export function nowNs(): bigint {
  return BigInt(Date.now()) * 1_000_000n;
}
