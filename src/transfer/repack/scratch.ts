import { existsSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { copyObject } from "../../object/copy.ts";
import type { OpenBase } from "../../object/encodings.ts";
import { openDirectoryStore, type DirectoryStore } from "../../store/directory.ts";
import type { Store, StoredObject } from "../../store/port.ts";

/** What is kept of objects that nobody works on at the moment. */
const IDLE_BYTES = 1024 ** 3;

interface Kept {
  readonly object: StoredObject;
  users: number;
}

/**
 * A directory for the objects of a store that is not on this machine. The least recently used go when there is too
 * much that nobody uses.
 */
export class Scratch {
  readonly store: DirectoryStore;
  readonly #kept = new Map<string, Kept>();
  readonly #mostIdleBytes: number;
  #idleBytes = 0;

  /** @param root a directory for this run alone, named as {@link scratchName} has it */
  constructor(root: string, idleBytes: number = IDLE_BYTES) {
    this.store = openDirectoryStore(root);
    this.#mostIdleBytes = idleBytes;
  }

  async create(signal: AbortSignal): Promise<void> {
    mkdirSync(dirname(this.store.root), { recursive: true });
    await this.store.initialise(signal);
  }

  /** Fetches objects and keeps them until they are released; bases stand before what needs them. */
  async fetch(from: Store, objects: readonly StoredObject[], options: { openBase: OpenBase; signal: AbortSignal }): Promise<void> {
    for (const object of objects) this.#use(object);
    try {
      for (const object of objects) if (!existsSync(this.store.pathOf(object.key))) await copyObject(from, this.store, object, { ...options, namesLater: true });
    } catch (error) {
      await this.release(objects);
      throw error;
    }
  }

  /** Counts an object that was made here. */
  async add(object: StoredObject): Promise<void> {
    this.#use(object);
    await this.release([object]);
  }

  async release(objects: readonly StoredObject[]): Promise<void> {
    for (const { key } of objects) {
      const kept = this.#kept.get(key);
      if (kept && --kept.users === 0) this.#idleBytes += kept.object.sizeBytes;
    }
    // In the order in which they were used last; there may be many, so none is looked at for nothing.
    for (const [key, { object, users }] of this.#kept) {
      if (this.#idleBytes <= this.#mostIdleBytes) return;
      if (users > 0) continue;
      this.#kept.delete(key);
      this.#idleBytes -= object.sizeBytes;
      await this.store.remove(key);
    }
  }

  close(): void {
    rmSync(this.store.root, { recursive: true, force: true });
  }

  #use(object: StoredObject): void {
    const known = this.#kept.get(object.key);
    if (known?.users === 0) this.#idleBytes -= known.object.sizeBytes;
    const kept = known ?? { object, users: 0 };
    kept.users += 1;
    this.#kept.delete(object.key);
    this.#kept.set(object.key, kept);
  }
}

/** The directory of a run's scratch. */
export function scratchName(pid: number, nonce: string): string {
  return `repack-${pid}-${nonce.slice(0, 8)}`;
}

/** Removes what dead runs left in `directory`. */
export function removeDead(directory: string, isAlive: (pid: number) => boolean): void {
  for (const name of existsSync(directory) ? readdirSync(directory) : []) {
    const match = /^repack-(\d+)-[0-9a-f]{8}$/.exec(name);
    if (match && !isAlive(Number(match[1]))) rmSync(join(directory, name), { recursive: true, force: true });
  }
}
