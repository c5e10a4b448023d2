import type { Oid } from "../object/oid.ts";
import type { Store, StoredObject } from "../store/port.ts";

/** A store that objects are brought from. */
export interface Source {
  /** How repairs name it: `local`, `remote`, or the URL of a further store. */
  readonly where: string;
  /** What objects are read from. */
  readonly store: Store;
  /** Keys that it cannot give after all; whoever finds one adds it. */
  readonly refused: Set<string>;
  /** As that of the store. Of a further store that is out of reach, nothing is found. */
  readonly find: (oids: Iterable<Oid>, signal?: AbortSignal) => Promise<Map<Oid, StoredObject[]>>;
  /**
   * Whether a failure is that of this store, and the run goes on without the object, or without the store. Never so for the
   * stores that are being repaired.
   */
  readonly concerns: (error: unknown) => boolean;
}

/**
 * One of the stores that are being repaired, as a source for another one.
 * @param good where they are known, the only objects that are taken from it
 */
export function ownSource(where: "local" | "remote", store: Store, good?: readonly StoredObject[]): Source {
  const find = good === undefined ? store.find.bind(store) : findAmong(good);
  return { where, store, refused: new Set(), find, concerns: () => false };
}

function findAmong(objects: readonly StoredObject[]): Source["find"] {
  // Most repairs never ask.
  let catalogue: Map<Oid, StoredObject[]> | undefined;
  return async (oids) => {
    catalogue ??= byOid(objects);
    const found = new Map<Oid, StoredObject[]>();
    for (const oid of oids) if (catalogue.has(oid)) found.set(oid, catalogue.get(oid)!);
    return found;
  };
}

function byOid(objects: readonly StoredObject[]): Map<Oid, StoredObject[]> {
  const catalogue = new Map<Oid, StoredObject[]>();
  for (const object of objects) {
    const known = catalogue.get(object.name.oid);
    if (known) known.push(object);
    else catalogue.set(object.name.oid, [object]);
  }
  return catalogue;
}
