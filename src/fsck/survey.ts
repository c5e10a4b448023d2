import { isOid } from "../object/oid.ts";
import { OBJECTS_PREFIX, parseKey, parseName, type ObjectName } from "../object/name.ts";
import type { Entry, Store, StoredObject, Stray } from "../store/port.ts";
import { QUARANTINE_PREFIX } from "../store/quarantine.ts";

/** What a store holds, told from one listing. */
export interface Survey {
  readonly store: Store;
  readonly objects: readonly StoredObject[];
  /** Names of objects in the wrong directory. */
  readonly misplaced: readonly (Entry & { readonly name: ObjectName })[];
  /** Names that begin as an object's, and go on as this version does not know. */
  readonly unknown: readonly Entry[];
  /** Other names below `objects/`. */
  readonly junk: readonly Entry[];
  readonly strays: readonly Stray[];
}

/** Lists a store, once. @throws what the store throws */
export async function survey(store: Store, signal: AbortSignal): Promise<Survey> {
  const found = { objects: [] as StoredObject[], misplaced: [] as (Entry & { name: ObjectName })[], unknown: [] as Entry[], junk: [] as Entry[], strays: [] as Stray[] };
  for await (const stray of store.strays?.(signal) ?? []) found.strays.push(stray);
  const obstacles = new Set(found.strays.filter(({ kind }) => kind === "obstacle").map(({ place }) => place));
  for await (const entry of store.list(OBJECTS_PREFIX, signal)) {
    const name = parseKey(entry.key);
    if (name !== undefined) {
      const { key, sizeBytes, modifiedMs, archived } = entry;
      // There may be a million: all are of one shape, without room to grow.
      found.objects.push(archived ? { key, sizeBytes, modifiedMs, name, archived } : { key, sizeBytes, modifiedMs, name });
      continue;
    }
    if (obstacles.has(entry.key) || [...obstacles].some((place) => entry.key.startsWith(`${place}/`))) continue;
    const last = entry.key.split("/").at(-1)!;
    const elsewhere = parseName(last);
    if (elsewhere !== undefined) found.misplaced.push({ ...entry, name: elsewhere });
    else if (isOid(last.slice(0, 64)) && /^(\.[a-z0-9]+)+$/.test(last.slice(64))) found.unknown.push(entry);
    else found.junk.push(entry);
  }
  return { store, ...found };
}

/** How many things lie in a store's quarantine, and how much they take. */
export async function quarantined(store: Store, signal: AbortSignal): Promise<{ entries: number; bytes: number }> {
  const sum = { entries: 0, bytes: 0 };
  for await (const { sizeBytes } of store.list(QUARANTINE_PREFIX, signal)) {
    sum.entries += 1;
    sum.bytes += sizeBytes;
  }
  return sum;
}
