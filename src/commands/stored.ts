import type { Context } from "../context.ts";
import type { Encoding } from "../object/name.ts";
import type { Oid } from "../object/oid.ts";
import type { StoredObject } from "../store/port.ts";
import { openStoresHere } from "../store/open.ts";
import { cataloguesOf, easiestWays, type Catalogue, type Way } from "../transfer/chains.ts";
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

/** Looks contents up in the local store, and in the remote one where that takes no network. */
export async function storedHere(context: Context, oids: Iterable<Oid>): Promise<StoredHere> {
  await localStore(context);
  const stores = await openStoresHere(context);
  const catalogues = await cataloguesOf(stores, oids, context.signal);
  const ways = easiestWays(catalogues);
  const [local, remote] = catalogues as [Catalogue, Catalogue | undefined];
  return {
    local: (oid) => describe(local.get(oid), "local", ways),
    remote: (oid) => (remote === undefined ? "unknown" : describe(remote.get(oid), "remote", ways)),
  };
}

function describe(objects: readonly StoredObject[] | undefined, where: Stored["where"], ways: ReadonlyMap<Oid, Way>): Stored | undefined {
  const smallest = objects?.toSorted((a, b) => a.sizeBytes - b.sizeBytes)[0];
  if (smallest === undefined) return undefined;
  const { encoding, base } = smallest.name;
  const stored = { encoding, sizeBytes: smallest.sizeBytes, where };
  if (base === undefined) return { ...stored, depth: 0 };
  const below = ways.get(base);
  return { ...stored, base, depth: below && below.depth + 1 };
}
