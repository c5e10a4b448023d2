import type { Oid } from "../object/oid.ts";
import type { Store, StoredObject } from "../store/port.ts";
import { catalogueOf, decodable, type Catalogue } from "./chains.ts";

/**
 * Of `oids`, those for which a push may count on the store: it holds an object with all the bases that decoding it
 * needs, and these will stay. The one place that decides to skip an upload. An archived object counts: its content is
 * safe.
 * @param probably bases that may be asked for; naming them in advance saves a question per base
 */
export async function findPresent(remote: Pick<Store, "find">, oids: Iterable<Oid>, signal?: AbortSignal, probably: Iterable<Oid> = []): Promise<Set<Oid>> {
  const asked = new Set(oids);
  const catalogue = await catalogueOf(remote, [...asked, ...probably], signal);
  const there = decodable(objectsIn(catalogue));
  for (const oid of asked) if (!there.has(oid)) asked.delete(oid);
  return asked;
}

function* objectsIn(catalogue: Catalogue): Generator<StoredObject> {
  for (const objects of catalogue.values()) yield* objects;
}
