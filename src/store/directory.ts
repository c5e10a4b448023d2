import { createHash } from "node:crypto";
import { statSync } from "node:fs";
import { mkdir, rename, unlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { BallastError, systemCode } from "../errors.ts";
import { OBJECTS_PREFIX } from "../object/name.ts";
import type { Oid } from "../object/oid.ts";
import { readFileChunks } from "../util/file-chunks.ts";
import { syncDirectory } from "../util/sync-directory.ts";
import { diagnoseDirectory } from "./directory-diagnosis.ts";
import { DirectoryCatalogue } from "./directory-catalogue.ts";
import { isAbsent, sourceChanged, storeFailure, storeMissing } from "./directory-errors.ts";
import { checkPrefix, keyPath, TEMPORARY } from "./key.ts";
import type { ByteRange, ByteSource, Diagnosis, Entry, Store, StoredObject, Stray } from "./port.ts";
import { straysIn } from "./strays.ts";
import { exists, makeDirectories, mkdirIfAbsent, place, removeStale, TemporaryFile } from "./temporary.ts";
import { initialiseStore } from "./version.ts";

/** Writes the bytes of a file that is being made. Each call's bytes must not change before it returns. */
export type Write = (bytes: Uint8Array) => Promise<void>;

/** A store in a directory: the remote one behind a `file://` URL, and the local one in the Git directory. */
export interface DirectoryStore extends Store {
  readonly root: string;

  /** The file that holds `key`. @throws PATH_REFUSED for a key that could lead out of the root */
  pathOf(key: string): string;

  /** The object that holds a content whole and is the easiest to read, found by its name: for few, without reading a directory. */
  whole(oid: Oid): StoredObject | undefined;

  /** Makes the directory and `ballast.json` where they are absent. @throws STORE_VERSION, STORE_READ_ONLY, DISK_FULL */
  initialise(signal?: AbortSignal): Promise<"created" | "exists">;

  /**
   * Creates `key` with what `fill` writes, atomically and durably as `write` does. When `fill` throws, nothing appears:
   * so a caller can verify what it writes while it writes it.
   */
  receive(key: string, fill: (write: Write, file: TemporaryFile) => Promise<void>, signal?: AbortSignal): Promise<"created" | "exists">;

  /** A new file on the store's own file system, for whoever does not know the key yet; `adopt` or `discard` it. */
  temporary(): TemporaryFile;

  /** As `temporary`, sharing the blocks of the file `source`; undefined where the file system cannot do that. */
  temporaryClone(source: string): TemporaryFile | undefined;

  /**
   * Makes the file's content durable and gives it its name. The name is durable only after `syncNames`.
   * The temporary file is gone afterwards, whatever happens.
   */
  adopt(file: TemporaryFile, key: string): Promise<"created" | "exists">;

  /** What a Node error from reading the file of `key` means: OBJECT_MISSING, STORE_MISSING, STORE_DENIED … */
  readFailure(error: unknown, key: string): unknown;

  /** What a Node error from writing a temporary file means: DISK_FULL, STORE_READ_ONLY … */
  writeFailure(error: unknown): unknown;

  /** Makes the names of these keys durable, with one sync per directory. */
  syncNames(keys: Iterable<string>): Promise<void>;
}

/**
 * Opens the store in the directory `root`; nothing is read or written until a method is called.
 * @param url how messages name the store
 */
export function openDirectoryStore(root: string, url: string = `file://${root}`): DirectoryStore {
  return new Directory(root, url);
}

/** Whether the store keeps its objects in files of this machine. */
export function isDirectoryStore(store: Store): store is DirectoryStore {
  return store instanceof Directory;
}

class Directory implements DirectoryStore {
  readonly root: string;
  readonly url: string;
  readonly #temporaryDirectory: string;
  readonly #catalogue: DirectoryCatalogue;
  #cleaned = false;

  constructor(root: string, url: string) {
    this.root = root;
    this.url = url;
    this.#temporaryDirectory = join(root, TEMPORARY);
    this.#catalogue = new DirectoryCatalogue(root, url);
  }

  pathOf(key: string): string {
    return keyPath(this.root, key);
  }

  async initialise(signal?: AbortSignal): Promise<"created" | "exists"> {
    try {
      await mkdir(this.root, { recursive: true });
    } catch (error) {
      throw storeFailure(error, this.url, "cannot make the directory", "write");
    }
    return initialiseStore(this, signal);
  }

  async find(oids: Iterable<Oid>, signal?: AbortSignal): Promise<Map<Oid, StoredObject[]>> {
    const found = await this.#catalogue.find(oids, signal);
    if (found.size === 0) this.#requireRoot();
    return found;
  }

  whole(oid: Oid): StoredObject | undefined {
    return this.#catalogue.whole(oid);
  }

  async *list(prefix: string, signal?: AbortSignal): AsyncGenerator<Entry> {
    checkPrefix(prefix);
    this.#requireRoot();
    yield* this.#catalogue.list(prefix, signal);
  }

  async *read(key: string, range?: ByteRange, signal?: AbortSignal): AsyncGenerator<Uint8Array> {
    const path = this.pathOf(key);
    const chunks = readFileChunks(path, range, signal);
    try {
      for (;;) {
        const next = await chunks.next().catch((error: unknown) => {
          throw this.readFailure(error, key);
        });
        if (next.done) return;
        yield next.value;
      }
    } finally {
      await chunks.return(undefined);
    }
  }

  async write(key: string, source: ByteSource, signal?: AbortSignal): Promise<"created" | "exists"> {
    return this.receive(
      key,
      async (write) => {
        const hash = source.sha256 === undefined ? undefined : createHash("sha256");
        let sizeBytes = 0;
        for await (const chunk of source.open({ start: 0, end: source.sizeBytes }, signal)) {
          signal?.throwIfAborted();
          sizeBytes += chunk.length;
          hash?.update(chunk);
          await write(chunk);
        }
        if (sizeBytes !== source.sizeBytes) throw sourceChanged(key, `${sizeBytes} bytes came instead of ${source.sizeBytes}`);
        if (hash && hash.digest("hex") !== source.sha256) throw sourceChanged(key, "its bytes do not have the SHA-256 that was announced");
      },
      signal,
    );
  }

  async receive(key: string, fill: (write: Write, file: TemporaryFile) => Promise<void>, signal?: AbortSignal): Promise<"created" | "exists"> {
    signal?.throwIfAborted();
    const path = this.pathOf(key);
    if (await this.#run("write", key, () => exists(path))) return "exists";
    const file = this.temporary();
    try {
      await fill((bytes) => this.#run("write", key, () => file.write(bytes)), file);
      signal?.throwIfAborted();
    } catch (error) {
      file.discard();
      throw error;
    }
    const outcome = await this.adopt(file, key);
    if (outcome === "created") await this.syncNames([key]);
    return outcome;
  }

  temporary(): TemporaryFile {
    return this.#inTemporaryDirectory(() => TemporaryFile.create(this.#temporaryDirectory));
  }

  temporaryClone(source: string): TemporaryFile | undefined {
    return this.#inTemporaryDirectory(() => TemporaryFile.clone(source, this.#temporaryDirectory));
  }

  #inTemporaryDirectory<T>(create: () => T): T {
    try {
      if (!this.#cleaned) {
        this.#cleaned = true;
        if (mkdirIfAbsent(this.#temporaryDirectory) === "exists") void removeStale(this.#temporaryDirectory);
      }
      try {
        return create();
      } catch (error) {
        // Somebody may have cleaned up by hand since.
        if (!isAbsent(error) || mkdirIfAbsent(this.#temporaryDirectory) === "exists") throw error;
        return create();
      }
    } catch (error) {
      if (isAbsent(error)) this.#requireRoot();
      throw storeFailure(error, this.url, "cannot make a temporary file", "write");
    }
  }

  async adopt(file: TemporaryFile, key: string): Promise<"created" | "exists"> {
    try {
      return await this.#run("write", key, async () => {
        const path = this.pathOf(key);
        await file.sync();
        file.close();
        return place(file.path, path, this.root, !key.startsWith(OBJECTS_PREFIX));
      });
    } finally {
      file.discard();
    }
  }

  async syncNames(keys: Iterable<string>): Promise<void> {
    const directories = new Set<string>();
    for (const key of keys) directories.add(dirname(this.pathOf(key)));
    await this.#run("write", "names", async () => {
      await Promise.all([...directories].map(syncDirectory));
    });
  }

  async replace(key: string, content: Uint8Array, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    const path = this.pathOf(key);
    const file = this.temporary();
    try {
      await this.#run("write", key, async () => {
        await file.write(content);
        await file.sync();
        file.close();
        await makeDirectories(dirname(path), this.root);
        await rename(file.path, path);
        await syncDirectory(dirname(path));
      });
    } finally {
      file.discard();
    }
  }

  async remove(key: string, signal?: AbortSignal, beforeTry?: () => void): Promise<void> {
    signal?.throwIfAborted();
    const path = this.pathOf(key);
    beforeTry?.();
    await this.#run("write", key, async () => {
      try {
        await unlink(path);
      } catch (error) {
        if (!isAbsent(error)) throw error;
        this.#requireRoot();
        return;
      }
      await syncDirectory(dirname(path));
    });
  }

  async tidy(): Promise<void> {
    await removeStale(this.#temporaryDirectory);
  }

  strays(signal?: AbortSignal): AsyncGenerator<Stray> {
    return straysIn(this.root, this.url, signal);
  }

  diagnose(): AsyncGenerator<Diagnosis> {
    return diagnoseDirectory(this, () => this.#requireRoot());
  }

  close(): void {}

  readFailure(error: unknown, key: string): unknown {
    // A directory in the place of an object is none.
    if (!isAbsent(error) && systemCode(error) !== "EISDIR") return storeFailure(error, this.url, `cannot read ${key}`, "read");
    this.#requireRoot();
    return new BallastError("OBJECT_MISSING", `there is no ${key} in ${this.url}`, { cause: error });
  }

  writeFailure(error: unknown): unknown {
    return storeFailure(error, this.url, "cannot write an object", "write");
  }

  #requireRoot(): void {
    let isDirectory: boolean;
    try {
      isDirectory = statSync(this.root, { throwIfNoEntry: false })?.isDirectory() === true;
    } catch (error) {
      if (!isAbsent(error)) throw storeFailure(error, this.url, "cannot look at the root", "read");
      isDirectory = false;
    }
    if (!isDirectory) throw storeMissing(this.url);
  }

  async #run<T>(access: "read" | "write", what: string, action: () => Promise<T>): Promise<T> {
    try {
      return await action();
    } catch (error) {
      throw storeFailure(error, this.url, access === "write" ? `cannot write ${what}` : `cannot read ${what}`, access);
    }
  }
}
