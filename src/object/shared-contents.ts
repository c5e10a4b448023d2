import { BallastError, isBallastError } from "../errors.ts";
import type { RandomAccess } from "../util/random-access.ts";
import type { Oid } from "./oid.ts";
import type { Spooled } from "./spool.ts";

/** A content that is decoded, or is being decoded, for as many as want it. */
export interface SharedContent {
  readonly oid: Oid;
  /** How many others wait for it in one chain. */
  readonly depth: number;
}

interface Entry extends SharedContent {
  made: Promise<Spooled>;
  /** Set once it is made. */
  spooled: Spooled | undefined;
  users: number;
  /** What it cannot be made without, and has asked for. */
  waitsFor: Oid | undefined;
}

/** What nobody uses at the moment is kept within these bounds; one content may be larger by itself. */
const IDLE_FILES = 4;
const IDLE_FILE_BYTES = 4 * 1024 ** 3;
const IDLE_MEMORY_BYTES = 32 * 1024 ** 2;

/** Contents by oid, each made once, counted while they are open, and the last ones kept for a while afterwards. */
export class SharedContents {
  /** In the order in which they were used last. */
  readonly #entries = new Map<Oid, Entry>();
  /** What could not be made, until nothing is under way: so that a thicket of broken deltas is walked through once. */
  readonly #failed = new Map<Oid, unknown>();
  readonly #idle = { files: 0, fileBytes: 0, memoryBytes: 0 };
  #underWay = 0;
  #closed = false;

  /**
   * Opens a content, which `make` makes unless it is there or under way.
   * @param forWhom the content that is being made of it, if any
   * @throws what `make` throws; OBJECT_CORRUPT when the two wait for each other
   */
  async open(oid: Oid, forWhom: SharedContent | undefined, make: (content: SharedContent) => Promise<Spooled>): Promise<RandomAccess> {
    const waiting = forWhom && this.#entries.get(forWhom.oid);
    if (waiting) this.#refuseCircle(waiting, oid);
    if (this.#failed.has(oid)) throw this.#failed.get(oid);
    let entry = this.#entries.get(oid);
    if (!entry) {
      entry = { oid, depth: forWhom ? forWhom.depth + 1 : 0, made: undefined!, spooled: undefined, users: 0, waitsFor: undefined };
      this.#entries.set(oid, entry);
      entry.made = this.#make(entry, make);
    }
    if (waiting) waiting.waitsFor = oid;
    if (entry.users++ === 0) this.#count(entry, -1);
    try {
      entry.spooled = await entry.made;
    } finally {
      if (waiting) waiting.waitsFor = undefined;
    }
    return this.#access(entry, entry.spooled);
  }

  async #make(entry: Entry, make: (content: SharedContent) => Promise<Spooled>): Promise<Spooled> {
    this.#underWay++;
    try {
      return await make(entry);
    } catch (error) {
      this.#entries.delete(entry.oid);
      if (isBallastError(error, "OBJECT_MISSING", "OBJECT_CORRUPT", "ENCODING_UNKNOWN")) this.#failed.set(entry.oid, error);
      throw error;
    } finally {
      this.#underWay--;
      if (this.#underWay === 0) this.#failed.clear();
    }
  }

  /** Drops what is idle, and from now on whatever becomes so. */
  close(): void {
    this.#closed = true;
    this.#dropIdle();
  }

  /** Walks from what is wanted along what waits for what: where that leads back, all would wait for ever. */
  #refuseCircle(waiting: Entry, wanted: Oid): void {
    for (let oid: Oid | undefined = wanted; oid !== undefined; oid = this.#entries.get(oid)?.waitsFor) {
      if (oid !== waiting.oid) continue;
      throw new BallastError("OBJECT_CORRUPT", `object ${waiting.oid} is a delta that needs itself as its base, by way of ${wanted}`, {
        hint: "run git ballast fsck to find damaged objects and good copies of them",
      });
    }
  }

  #access(entry: Entry, { sizeBytes, bytes, read }: Spooled): RandomAccess {
    let open = true;
    return {
      sizeBytes,
      ...(bytes === undefined ? {} : { bytes }),
      read,
      close: () => {
        if (open) this.#release(entry);
        open = false;
      },
    };
  }

  #release(entry: Entry): void {
    if (--entry.users > 0) return;
    this.#count(entry, 1);
    this.#entries.delete(entry.oid);
    this.#entries.set(entry.oid, entry);
    this.#dropIdle();
  }

  /** Keeps the books of what is idle. @param change 1 when an entry becomes so, -1 when it is used or dropped */
  #count({ spooled }: Entry, change: 1 | -1): void {
    if (!spooled) return;
    if (spooled.inFile) {
      this.#idle.files += change;
      this.#idle.fileBytes += change * spooled.sizeBytes;
    } else {
      this.#idle.memoryBytes += change * spooled.sizeBytes;
    }
  }

  /** The ones that were used longest ago go first. */
  #dropIdle(): void {
    for (const entry of this.#entries.values()) {
      const { files, fileBytes, memoryBytes } = this.#idle;
      const tooManyFiles = files > IDLE_FILES || (fileBytes > IDLE_FILE_BYTES && files > 1);
      if (!this.#closed && !tooManyFiles && memoryBytes <= IDLE_MEMORY_BYTES) return;
      const { spooled } = entry;
      if (entry.users > 0 || !spooled) continue;
      if (!this.#closed && !(spooled.inFile ? tooManyFiles : memoryBytes > IDLE_MEMORY_BYTES)) continue;
      this.#count(entry, -1);
      this.#entries.delete(entry.oid);
      spooled.close();
    }
  }
}
