import { readdirSync, statSync } from "node:fs";
import { dirname } from "node:path";
import type { Link } from "../delta/plan.ts";
import type { DirectoryStore } from "../store/directory.ts";
import { keyPrefix, objectKey, parseName, type ObjectName } from "./name.ts";
import type { Oid } from "./oid.ts";

/** An object that is in a directory store right now. */
export interface PresentObject {
  readonly store: DirectoryStore;
  readonly name: ObjectName;
  readonly sizeBytes: number;
}

/** No chain that Ballast writes is as long. */
const MOST_LINKS = 100;

/**
 * Answers quickly, for many oids, whether a directory store has an object of each. Made for one operation: deltas that
 * appear after it began may be overlooked, which costs a second encoding of the same content and nothing else.
 */
export class PresentObjects {
  readonly #store: DirectoryStore;
  readonly #others: readonly DirectoryStore[];
  readonly #deltas = new Map<string, Map<Oid, ObjectName[]>>();

  /** @param others stores that may hold the bases of the store's deltas beside itself */
  constructor(store: DirectoryStore, others: readonly DirectoryStore[] = []) {
    this.#store = store;
    this.#others = others;
  }

  /**
   * The object of this oid, any encoding; it was there when this returns. A delta whose bases are not all there counts
   * for nothing.
   */
  find(oid: Oid): PresentObject | undefined {
    return this.#chainIn(this.#store, oid, new Set())?.[0];
  }

  /** The content and all that it stands on, nearest first and the last one whole; undefined when that is not all here. */
  chain(oid: Oid): [Link, ...Link[]] | undefined {
    let chainBytes = 0;
    const links = this.#chainAnywhere(oid, new Set())
      ?.reverse()
      .map(({ name, sizeBytes }, depth): Link => ({ oid: name.oid, depth, chainBytes: (chainBytes += sizeBytes) }));
    return links?.reverse() as [Link, ...Link[]] | undefined;
  }

  /** What the content stands on, itself included, that only the other stores have: what something stands on comes first. */
  elsewhere(oid: Oid): PresentObject[] {
    return (this.#chainAnywhere(oid, new Set()) ?? []).filter(({ store }) => store !== this.#store).reverse();
  }

  #chainAnywhere(oid: Oid, above: Set<Oid>): PresentObject[] | undefined {
    return this.#chainIn(this.#store, oid, above) ?? this.#others.map((store) => this.#chainIn(store, oid, above)).find((chain) => chain !== undefined);
  }

  /** @param above the contents whose base this would be: two that stand on each other are of no use */
  #chainIn(store: DirectoryStore, oid: Oid, above: Set<Oid>): PresentObject[] | undefined {
    const whole = at(store, { oid, encoding: "raw" }) ?? at(store, { oid, encoding: "gzip" });
    if (whole) return [whole];
    if (above.size === MOST_LINKS) return undefined;
    for (const name of this.#deltasIn(store, oid)) {
      if (above.has(name.base!)) continue;
      above.add(oid);
      const rest = this.#chainAnywhere(name.base!, above);
      above.delete(oid);
      const delta = rest && at(store, name);
      if (delta) return [delta, ...rest];
    }
    return undefined;
  }

  /** A delta's name cannot be guessed, so its directory is read, once. */
  #deltasIn(store: DirectoryStore, oid: Oid): readonly ObjectName[] {
    const directory = dirname(store.pathOf(keyPrefix(oid)));
    let deltas = this.#deltas.get(directory);
    if (!deltas) {
      deltas = new Map();
      for (const fileName of namesIn(directory)) {
        const name = parseName(fileName);
        if (name?.base !== undefined) deltas.set(name.oid, [...(deltas.get(name.oid) ?? []), name]);
      }
      this.#deltas.set(directory, deltas);
    }
    return deltas.get(oid) ?? [];
  }
}

function at(store: DirectoryStore, name: ObjectName): PresentObject | undefined {
  const stat = statSync(store.pathOf(objectKey(name)), { throwIfNoEntry: false });
  return stat?.isFile() ? { store, name, sizeBytes: stat.size } : undefined;
}

/** Sorted, so that the same store gives the same answer everywhere. */
function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory).sort();
  } catch {
    // Not there yet, or it will be reported by whoever writes into it.
    return [];
  }
}
