import type { Oid } from "../object/oid.ts";
import type { Store, StoredObject } from "../store/port.ts";

/**
 * Of `oids`, those for which a push may count on the store: it holds an object, and that object will stay. The one
 * place that decides to skip an upload.
 */
export async function findPresent(remote: Store, oids: Iterable<Oid>, signal?: AbortSignal): Promise<Set<Oid>> {
  const present = new Set<Oid>();
  for (const [oid, objects] of await remote.find(oids, signal)) {
    if (objects.some(isPresent)) present.add(oid);
  }
  return present;
}

/** Whether an object that the store listed counts as present. An archived one does: its content is safe. */
export function isPresent(_object: StoredObject): boolean {
  return true;
}
