import { readdirSync, statSync } from "node:fs";
import { dirname } from "node:path";
import type { Link } from "../delta/plan.ts";
import type { DirectoryStore } from "../store/directory.ts";
import { keyPrefix, objectKey, parseName, wholeNames, type ObjectName } from "./name.ts";
import type { Oid } from "./oid.ts";
import { OidFilter } from "./oid-filter.ts";

/** An object that is in a directory store right now. */
export interface PresentObject {
  readonly store: DirectoryStore;
  readonly name: ObjectName;
  readonly sizeBytes: number;
}

/** To read a directory of a large store takes as long as to look for this many names. */
const FEW = 4;
/** No chain that Ballast writes is as long. */
const MOST_LINKS = 100;

/**
 * Answers quickly, for many oids, whether a directory store has an object of each. Made for one operation: what others
 * put there after it began may be overlooked, which costs a second encoding of the same content and nothing else.
 */
export class PresentObjects {
  readonly #store: DirectoryStore;
  readonly #others: readonly DirectoryStore[];
  /** By directory; how many were asked for there while it has not been read. */
  readonly #listings = new Map<string, Listing | number>();

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

  /** The object of this oid and all that it stands on, in the store itself; undefined when that is not all there. */
  objects(oid: Oid): readonly PresentObject[] | undefined {
    return this.#chainIn(this.#store, oid, new Set());
  }

  /** An object was put into the store, and shall not be overlooked. */
  added(name: ObjectName): void {
    if (name.base !== undefined) return;
    const listing = this.#listings.get(directoryOf(this.#store, name.oid));
    // Where none has been read it will be found.
    if (typeof listing === "object") listing.whole.add(name.oid);
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
    const listed = this.#listed(store, oid);
    for (const name of listed?.whole.mayHave(oid) === false ? [] : wholeNames(oid)) {
      const whole = at(store, name);
      if (whole) return [whole];
    }
    if (above.size === MOST_LINKS) return undefined;
    for (const name of this.#listing(store, oid).deltas.get(oid) ?? []) {
      if (above.has(name.base!)) continue;
      above.add(oid);
      const rest = this.#chainAnywhere(name.base!, above);
      above.delete(oid);
      const delta = rest && at(store, name);
      if (delta) return [delta, ...rest];
    }
    return undefined;
  }

  /** What is in the directory of an oid's objects, unless few were asked for there: those are looked for by name. */
  #listed(store: DirectoryStore, oid: Oid): Listing | undefined {
    const directory = directoryOf(store, oid);
    const asked = this.#listings.get(directory) ?? 0;
    if (typeof asked !== "number") return asked;
    if (asked === FEW) return this.#listing(store, oid);
    this.#listings.set(directory, asked + 1);
    return undefined;
  }

  /** The directory of an oid's objects is read once: a delta's name cannot be guessed, and most oids are not there. */
  #listing(store: DirectoryStore, oid: Oid): Listing {
    const directory = directoryOf(store, oid);
    let listing = this.#listings.get(directory);
    if (typeof listing !== "object") this.#listings.set(directory, (listing = listingOf(directory)));
    return listing;
  }
}

function directoryOf(store: DirectoryStore, oid: Oid): string {
  return dirname(store.pathOf(keyPrefix(oid)));
}

/** What a directory of objects has: of what is not a delta, there may be a million, and whoever asks looks for it by name. */
interface Listing {
  readonly whole: OidFilter;
  readonly deltas: ReadonlyMap<Oid, readonly ObjectName[]>;
}

function listingOf(directory: string): Listing {
  const whole: string[] = [];
  const deltas = new Map<Oid, ObjectName[]>();
  for (const fileName of namesIn(directory)) {
    const name = fileName.includes(".xd3") ? parseName(fileName) : undefined;
    if (name?.base === undefined) whole.push(fileName);
    else deltas.set(name.oid, [...(deltas.get(name.oid) ?? []), name]);
  }
  return { whole: new OidFilter(whole), deltas };
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
