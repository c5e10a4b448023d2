import { objectKey, OBJECTS_PREFIX, parseKey } from "../object/name.ts";
import { ownText } from "../object/oid.ts";
import type { Entry, Store, StoredObject } from "./port.ts";

/**
 * Every object of a store, by key.
 * @param other told of whatever else is listed among them
 * @throws what the store throws
 */
export async function listObjects(store: Store, signal: AbortSignal, other?: (entry: Entry) => void): Promise<StoredObject[]> {
  const objects: StoredObject[] = [];
  for await (const object of eachObject(store, signal, other)) objects.push(object);
  return objects;
}

/** {@link listObjects} one after the other. There may be a million: each is without what a listing tells besides. */
export async function* eachObject(store: Store, signal: AbortSignal, other: (entry: Entry) => void = () => {}): AsyncGenerator<StoredObject> {
  for await (const entry of store.list(OBJECTS_PREFIX, signal)) {
    const parsed = parseKey(entry.key);
    if (parsed === undefined) {
      other(entry);
      continue;
    }
    const { sizeBytes, modifiedMs, archived } = entry;
    const name = { ...parsed, oid: ownText(parsed.oid) };
    const key = objectKey(name);
    // All are of one shape, without room to grow.
    yield archived ? { key, sizeBytes, modifiedMs, name, archived } : { key, sizeBytes, modifiedMs, name };
  }
}
