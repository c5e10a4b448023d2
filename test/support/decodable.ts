import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { Contents } from "../../src/object/contents.ts";
import { decodeVerified } from "../../src/object/encodings.ts";
import { parseName, type ObjectName } from "../../src/object/name.ts";
import { isOid, type Oid } from "../../src/object/oid.ts";
import { openDirectoryStore } from "../../src/store/directory.ts";

/** The names of all objects of a directory store, also of those that this version does not know. */
export function objectNames(root: string): string[] {
  const names: string[] = [];
  if (!existsSync(join(root, "objects"))) return names;
  for (const entry of readdirSync(join(root, "objects"), { recursive: true, withFileTypes: true })) if (entry.isFile()) names.push(entry.name);
  return names.sort();
}

/** The oids that a listing promises: whole, or by a chain of deltas that ends in something whole. */
export function promised(names: Iterable<string>): Set<Oid> {
  const objects = [...names].map(parseName).filter((name): name is ObjectName => name !== undefined);
  const known = new Set<Oid>();
  for (let before = -1; before < known.size; ) {
    before = known.size;
    for (const { oid, base } of objects) if (base === undefined || known.has(base)) known.add(oid);
  }
  return known;
}

/**
 * The oids of a directory store's objects. Each object was decoded, by the store alone, and has the content that its
 * name says.
 */
export async function decodeAll(root: string): Promise<Set<Oid>> {
  const store = openDirectoryStore(root);
  const contents = new Contents([store]);
  const oids = new Set<Oid>();
  try {
    for (const text of objectNames(root)) {
      const name = parseName(text);
      if (!name || !isOid(name.oid)) throw new Error(`${text} in ${root} is no object`);
      const key = `objects/${text.slice(0, 2)}/${text}`;
      const iterator = decodeVerified(name, store.read(key), { openBase: contents.open });
      while (!(await iterator.next()).done);
      oids.add(name.oid);
    }
  } finally {
    contents.close();
  }
  return oids;
}
