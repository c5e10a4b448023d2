/*
 * The index: what this worktree's files looked like when they were last hashed, and what Git last knew there.
 * It is a cache. A lost or damaged index costs a hash of every asset and never correctness. Its bytes are in stat-entries.ts.
 */
import { mkdirSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fromSystemError, isBallastError } from "../errors.ts";
import type { Asset } from "../manifest/manifest.ts";
import type { Oid } from "../object/oid.ts";
import type { FileStat } from "../object/stable-file.ts";
import { acquireLock } from "../util/lock.ts";
import { readEntries, type Entries, type Hashed, type IndexEntry } from "./stat-entries.ts";
import type { Content } from "./states.ts";

export type { Hashed, IndexEntry };

/** The oid of a file that was looked at but was too large to hash then. */
export const UNKNOWN_OID = "0".repeat(64) as Oid;

export class StatIndex {
  readonly #file: string;
  #entries: Entries;
  #identity: string;
  readonly #changed = new Set<string>();
  readonly #whenSaved: (() => void)[] = [];

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

  /** What {@link get} gives of W, B and the stat of W, without the rest. */
  w(path: string): Content | undefined {
    return this.#entries.w(path);
  }

  b(path: string): Content | undefined {
    return this.#entries.b(path);
  }

  stat(path: string): FileStat | undefined {
    return this.#entries.stat(path);
  }

  /** Whether B is this content, with nothing open and nothing told: {@link get}, for a fraction of its cost. */
  isSettledAs(path: string, content: Content): boolean {
    return this.#entries.isSettledAs(path, content);
  }

  /** W, where it and B are both this content and nothing is open: {@link get}, for about half of its cost. */
  settled(path: string, content: Content): Hashed | undefined {
    return this.#entries.settled(path, content);
  }

  /** What of a manifest is not what Git last knew, by path, where that can be told without parsing it. */
  moved(manifest: Buffer): Map<string, Asset | undefined> | undefined {
    return this.#entries.moved(manifest);
  }

  /** The paths that are marked `open: conflict`. */
  inConflict(): string[] {
    return this.#entries.inConflict();
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
    this.#changed.add(path);
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

  /** Has something done once what is changed here is on disk. */
  whenSaved(work: () => void): void {
    this.#whenSaved.push(work);
  }

  async #write(patience: number): Promise<void> {
    mkdirSync(dirname(this.#file), { recursive: true });
    const release = await acquireLock(this.#file, patience);
    if (release === undefined) return;
    try {
      if (identityOf(this.#file) !== this.#identity) {
        const mine = this.#entries;
        this.#entries = readEntries(this.#file);
        for (const path of this.#changed) {
          const entry = mine.get(path);
          if (entry === undefined) this.#entries.delete(path);
          else this.#entries.set(path, entry);
        }
      }
      const temporary = join(dirname(this.#file), "tmp", `index.${process.pid}`);
      mkdirSync(dirname(temporary), { recursive: true });
      writeFileSync(temporary, this.#entries.encode());
      rmSync(join(dirname(this.#file), "seal"), { force: true });
      renameSync(temporary, this.#file);
      this.#identity = identityOf(this.#file);
      this.#changed.clear();
      for (const work of this.#whenSaved.splice(0)) work();
    } finally {
      await release().catch(() => {});
    }
  }
}

function identityOf(file: string): string {
  const stat = statSync(file, { bigint: true, throwIfNoEntry: false });
  return stat ? `${stat.ino}:${stat.size}:${stat.mtimeNs}` : "";
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
