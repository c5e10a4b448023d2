import type { Context } from "../context.ts";
import type { Encoding } from "../object/name.ts";
import type { Oid } from "../object/oid.ts";
import type { StoredObject } from "../store/port.ts";
import { openStoresHere } from "../store/open.ts";
import { catalogueOf, cataloguesOf, easiestWays, type Catalogue, type Way } from "../transfer/chains.ts";
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
  const own = alone ? [await catalogueOf(stores[0]!, oids, context.signal)] : [];
  const catalogues = alone && isClosed(own[0]!) ? own : await cataloguesOf(stores, oids, context.signal);
  let ways: ReadonlyMap<Oid, Way> | undefined;
  // Of most contents nobody asks what they stand on.
  const wayTo = (oid: Oid): Way | undefined => (ways ??= easiestWays(catalogues)).get(oid);
  const [local, remote] = catalogues as [Catalogue, Catalogue | undefined];
  return {
    local: (oid) => describe(local.get(oid), "local", wayTo),
    remote: (oid) => (remote === undefined ? "unknown" : describe(remote.get(oid), "remote", wayTo)),
  };
}

/** Whether all bases are there, or there are none. */
function isClosed(catalogue: Catalogue): boolean {
  for (const objects of catalogue.values()) {
    for (const { name } of objects) if (name.base !== undefined && !((catalogue.get(name.base)?.length ?? 0) > 0)) return false;
  }
  return true;
}

function describe(objects: readonly StoredObject[] | undefined, where: Stored["where"], wayTo: (oid: Oid) => Way | undefined): Stored | undefined {
  const smallest = objects !== undefined && objects.length > 1 ? objects.toSorted((a, b) => a.sizeBytes - b.sizeBytes)[0] : objects?.[0];
  if (smallest === undefined) return undefined;
  const { encoding, base } = smallest.name;
  const stored = { encoding, sizeBytes: smallest.sizeBytes, where };
  if (base === undefined) return { ...stored, depth: 0 };
  const below = wayTo(base);
  return { ...stored, base, depth: below && below.depth + 1 };
}
