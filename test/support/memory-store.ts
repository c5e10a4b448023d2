import type { Oid } from "../../src/object/oid.ts";
import { objectKey, parseName } from "../../src/object/name.ts";
import type { Store, StoredObject } from "../../src/store/port.ts";

/** The listing of a store, without bytes: objects by name, with a size or "archived". */
export function listingOf(names: Readonly<Record<string, number | "archived">>): Pick<Store, "find"> & Store {
  const objects = Object.entries(names).map(([text, size]): StoredObject => {
    const name = parseName(text);
    if (!name) throw new Error(`no object name: ${text}`);
    return { name, key: objectKey(name), sizeBytes: size === "archived" ? 1 : size, modifiedMs: 0, ...(size === "archived" ? { archived: true } : {}) };
  });
  const find = async (oids: Iterable<Oid>): Promise<Map<Oid, StoredObject[]>> => {
    const found = new Map<Oid, StoredObject[]>();
    for (const oid of oids) {
      const matches = objects.filter(({ name }) => name.oid === oid);
      if (matches.length > 0) found.set(oid, matches);
    }
    return found;
  };
  return { url: "memory:", find } as unknown as Store;
}
