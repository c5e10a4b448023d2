import { readdirSync, statSync } from "node:fs";
import { dirname } from "node:path";
import type { DirectoryStore } from "../store/directory.ts";
import { keyPrefix, objectKey, parseName, type ObjectName } from "./name.ts";
import type { Oid } from "./oid.ts";

/** An object that is in a directory store right now. */
export interface PresentObject {
  readonly name: ObjectName;
  readonly sizeBytes: number;
}

/**
 * Answers quickly, for many oids, whether a directory store has an object of each. Made for one operation: deltas that
 * appear after it began may be overlooked, which costs a second encoding of the same content and nothing else.
 */
export class PresentObjects {
  readonly #store: DirectoryStore;
  readonly #deltas = new Map<string, Map<Oid, ObjectName>>();

  constructor(store: DirectoryStore) {
    this.#store = store;
  }

  /** The object of this oid, any encoding; it was there when this returns. */
  find(oid: Oid): PresentObject | undefined {
    return this.#at({ oid, encoding: "raw" }) ?? this.#at({ oid, encoding: "gzip" }) ?? this.#at(this.#delta(oid));
  }

  #at(name: ObjectName | undefined): PresentObject | undefined {
    const stat = name && statSync(this.#store.pathOf(objectKey(name)), { throwIfNoEntry: false });
    return name && stat?.isFile() ? { name, sizeBytes: stat.size } : undefined;
  }

  /** A delta's name cannot be guessed, so its directory is read, once. */
  #delta(oid: Oid): ObjectName | undefined {
    const directory = dirname(this.#store.pathOf(keyPrefix(oid)));
    let deltas = this.#deltas.get(directory);
    if (!deltas) {
      deltas = new Map();
      for (const fileName of namesIn(directory)) {
        const name = parseName(fileName);
        if (name?.base !== undefined) deltas.set(name.oid, name);
      }
      this.#deltas.set(directory, deltas);
    }
    return deltas.get(oid);
  }
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    // Not there yet, or it will be reported by whoever writes into it.
    return [];
  }
}
