import { readdirSync, statSync, type Stats } from "node:fs";
import { join } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import { objectKey, OBJECTS_PREFIX, parseName, wholeNames } from "../object/name.ts";
import type { Oid } from "../object/oid.ts";
import { isAbsent, storeFailure } from "./directory-errors.ts";
import { isKeyComponent, keyPath, TEMPORARY } from "./key.ts";
import type { Entry, StoredObject } from "./port.ts";

/** What a directory store holds, read from its directories: each at once, since handing it to another thread takes longer. */
export class DirectoryCatalogue {
  readonly #root: string;
  readonly #url: string;

  constructor(root: string, url: string) {
    this.#root = root;
    this.#url = url;
  }

  /** @see Store.find; an empty answer does not tell whether the root is there */
  async find(oids: Iterable<Oid>, signal?: AbortSignal): Promise<Map<Oid, StoredObject[]>> {
    const wanted = new Map<string, Map<string, Oid>>();
    for (const oid of oids) {
      const fanOut = oid.slice(0, 2);
      const group = wanted.get(fanOut);
      if (group) group.set(oid, oid);
      else wanted.set(fanOut, new Map([[oid, oid]]));
    }
    const found = new Map<Oid, StoredObject[]>();
    // A delta's name cannot be guessed from its oid, so the directory is read; once for all oids in it.
    for (const [fanOut, group] of [...wanted].sort(([a], [b]) => compare(a, b))) {
      await nextTurn();
      signal?.throwIfAborted();
      const directory = `${OBJECTS_PREFIX}${fanOut}/`;
      const near = this.#read(directory.slice(0, -1), (path) => readdirSync(path)).filter((fileName) => group.has(fileName.slice(0, 64)));
      for (const fileName of near.sort(compare)) {
        const oid = group.get(fileName.slice(0, 64))!;
        const name = parseName(fileName);
        const stat = name && this.#stat(directory + fileName);
        if (!stat) continue;
        // Name and key are made of the oid as it was asked for: with texts of their own, an object would take twice the memory.
        const object = { key: directory + oid + fileName.slice(64), sizeBytes: stat.size, modifiedMs: stat.mtimeMs, name: { ...name, oid } };
        const objects = found.get(oid);
        if (objects) objects.push(object);
        else found.set(oid, [object]);
      }
    }
    return found;
  }

  /** @see DirectoryStore.whole */
  whole(oid: Oid): StoredObject | undefined {
    for (const name of wholeNames(oid)) {
      const key = objectKey(name);
      const stat = this.#stat(key);
      if (stat) return { key, sizeBytes: stat.size, modifiedMs: stat.mtimeMs, name };
    }
    return undefined;
  }

  /** @see Store.list */
  async *list(prefix: string, signal?: AbortSignal): AsyncGenerator<Entry> {
    yield* this.#walk(prefix.slice(0, prefix.lastIndexOf("/") + 1), prefix, signal);
  }

  /** @param directory "" or ends with "/" */
  async *#walk(directory: string, prefix: string, signal: AbortSignal | undefined): AsyncGenerator<Entry> {
    signal?.throwIfAborted();
    const names = this.#names(directory.slice(0, -1));
    // A directory's keys all go on with "/", so it is sorted as if its name did.
    for (const name of names.sort(compare)) {
      const key = directory + name;
      if (key.endsWith("/")) {
        if (key !== `${TEMPORARY}/` && (key.startsWith(prefix) || prefix.startsWith(key))) yield* this.#walk(key, prefix, signal);
      } else if (key.startsWith(prefix)) {
        const stat = this.#stat(key);
        if (stat) yield { key, sizeBytes: stat.size, modifiedMs: stat.mtimeMs };
      }
    }
    await nextTurn();
  }

  /** The names in a directory of the store that can be part of a key; those of directories end with "/". */
  #names(directory: string): string[] {
    return this.#read(directory, (path) => readdirSync(path, { withFileTypes: true }).flatMap((dirent) => {
      if (!isKeyComponent(dirent.name)) return [];
      const isDirectory = dirent.isSymbolicLink() ? isDirectoryAt(join(path, dirent.name)) : dirent.isDirectory();
      return [isDirectory ? `${dirent.name}/` : dirent.name];
    }));
  }

  /** What a directory of the store has; nothing where there is none. */
  #read<T>(directory: string, read: (path: string) => T[]): T[] {
    try {
      return read(join(this.#root, directory));
    } catch (error) {
      if (isAbsent(error)) return [];
      throw storeFailure(error, this.#url, `cannot list ${directory || "the store"}`, "read");
    }
  }

  /** What is known of a key's file; undefined when there is none. */
  #stat(key: string): Stats | undefined {
    let stat: Stats | undefined;
    try {
      stat = statSync(keyPath(this.#root, key), { throwIfNoEntry: false });
    } catch (error) {
      if (isAbsent(error)) return undefined;
      throw storeFailure(error, this.#url, `cannot look at ${key}`, "read");
    }
    return stat?.isFile() ? stat : undefined;
  }
}

function isDirectoryAt(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

/** Keys are ASCII, so comparing code units compares bytes. */
function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
