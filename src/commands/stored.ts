import type { Context } from "../context.ts";
import type { Encoding } from "../object/name.ts";
import type { Oid } from "../object/oid.ts";
import type { DirectoryStore } from "../store/directory.ts";
import type { StoredObject } from "../store/port.ts";
import { openStoresHere } from "../store/open.ts";
import { catalogueOf, cataloguesOf, easiestWays, findInTurn, type Catalogue, type Way } from "../transfer/chains.ts";
import { localStore } from "../transfer/local.ts";

/** How a store holds a content: its smallest object. */
export interface Stored {
  readonly encoding: Encoding;
  /** Bytes of the object. */
  readonly sizeBytes: number;
  readonly where: "local" | "remote";
  /** What a delta stands on. */
  readonly base?: Oid;
  /** Deltas to apply; 0 for what is whole. Undefined when a base is in no store on this machine. */
  readonly depth: number | undefined;
}

/** What the stores on this machine hold of some contents. */
export interface StoredHere {
  /** In the local store. */
  local(oid: Oid): Stored | undefined;
  /** In the remote store where that is a directory on this machine; "unknown" where only the network could tell. */
  remote(oid: Oid): Stored | undefined | "unknown";
}

/**
 * Looks contents up in the local store, and in the remote one where that takes no network.
 * @param alone whether the local store is all that is asked for: the other is looked at only where a delta stands on it
 */
export async function storedHere(context: Context, oids: Iterable<Oid>, { alone = false } = {}): Promise<StoredHere> {
  await localStore(context);
  const stores = await openStoresHere(context);
  // The same content may be asked for by many.
  const { whole, others } = await wholeIn(alone ? stores.slice(0, 1) : stores, [...new Set(oids)], context.signal);
  const own = alone ? [await catalogueOf(stores[0]!, others, context.signal)] : [];
  const catalogues = alone && isClosed(own[0]!) ? own : await cataloguesOf(stores, others, context.signal);
  let ways: ReadonlyMap<Oid, Way> | undefined;
  // Of most contents nobody asks what they stand on.
  const wayTo = (oid: Oid): Way | undefined => (ways ??= easiestWays(catalogues)).get(oid);
  const [local, remote] = catalogues as [Catalogue, Catalogue | undefined];
  const [wholeHere, wholeThere] = whole;
  return {
    local: (oid) => wholeHere!.get(oid, "local") ?? describe(local.get(oid), "local", wayTo),
    remote: (oid) => (alone || remote === undefined ? "unknown" : (wholeThere!.get(oid, "remote") ?? describe(remote.get(oid), "remote", wayTo))),
  };
}

/** Whether all bases are there, or there are none. */
function isClosed(catalogue: Catalogue): boolean {
  for (const objects of catalogue.values()) {
    for (const { name } of objects) if (name.base !== undefined && !((catalogue.get(name.base)?.length ?? 0) > 0)) return false;
  }
  return true;
}

/** What each store holds whole, of contents that none of them has as a delta; the others. */
async function wholeIn(stores: readonly DirectoryStore[], oids: readonly Oid[], signal: AbortSignal): Promise<{ whole: WholeObjects[]; others: Oid[] }> {
  const whole = stores.map(() => new WholeObjects());
  const others: Oid[] = [];
  for await (const { some, found } of findInTurn(stores, oids, signal)) {
    for (const oid of some) {
      const here = found.map((objects) => objects.get(oid));
      if (here.some((objects) => objects?.some(({ name }) => name.base !== undefined))) others.push(oid);
      else here.forEach((objects, i) => objects && whole[i]!.set(oid, smallestOf(objects)!));
    }
  }
  return { whole, others };
}

/** What is whole in a store, in a few bytes each. */
class WholeObjects {
  /** Twice the bytes of the object, and 1 more where it is compressed. */
  readonly #packed = new Map<Oid, number>();

  set(oid: Oid, { sizeBytes, name }: StoredObject): void {
    this.#packed.set(oid, 2 * sizeBytes + (name.encoding === "gzip" ? 1 : 0));
  }

  get(oid: Oid, where: Stored["where"]): Stored | undefined {
    const packed = this.#packed.get(oid);
    return packed === undefined ? undefined : { encoding: packed % 2 === 1 ? "gzip" : "raw", sizeBytes: Math.floor(packed / 2), where, depth: 0 };
  }
}

function describe(objects: readonly StoredObject[] | undefined, where: Stored["where"], wayTo: (oid: Oid) => Way | undefined): Stored | undefined {
  const smallest = smallestOf(objects);
  if (smallest === undefined) return undefined;
  const { encoding, base } = smallest.name;
  const stored = { encoding, sizeBytes: smallest.sizeBytes, where };
  if (base === undefined) return { ...stored, depth: 0 };
  const below = wayTo(base);
  return { ...stored, base, depth: below && below.depth + 1 };
}

function smallestOf(objects: readonly StoredObject[] | undefined): StoredObject | undefined {
  return objects !== undefined && objects.length > 1 ? objects.toSorted((a, b) => a.sizeBytes - b.sizeBytes)[0] : objects?.[0];
}
