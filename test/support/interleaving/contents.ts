import { decodeWhole } from "../../../src/object/encodings.ts";
import { objectKey, parseKey, type ObjectName } from "../../../src/object/name.ts";
import { oidOf, type Oid } from "../../../src/object/oid.ts";
import { memoryAccess } from "../../../src/util/random-access.ts";
import { deltaOf, editions } from "../deltas.ts";
import type { Files } from "./objects.ts";

/** Versions of one asset, small and like each other, with every delta between them. */
export interface Contents {
  readonly oids: readonly Oid[];
  readonly bytesOf: (oid: Oid) => Buffer;
  /** The object of this name. */
  readonly encoded: (name: ObjectName) => Buffer;
}

export async function contentsOf(count: number): Promise<Contents> {
  const versions = editions(count, "interleaving", 600);
  const byOid = new Map(versions.map((bytes) => [oidOf(bytes), bytes]));
  const deltas = new Map<string, Buffer>();
  for (const [oid, target] of byOid) for (const [base, source] of byOid) if (oid !== base) deltas.set(`${oid} ${base}`, await deltaOf(target, source));
  return {
    oids: [...byOid.keys()],
    bytesOf: (oid) => byOid.get(oid)!,
    encoded: ({ oid, base }) => (base === undefined ? byOid.get(oid)! : deltas.get(`${oid} ${base}`)!),
  };
}

/** Whether the files decode an oid, by their names. */
export function isPromised(files: Files, oid: Oid): boolean {
  const known = new Set<Oid>();
  const names = [...files.keys()].flatMap((key) => parseKey(key) ?? []);
  for (let before = -1; before < known.size; ) {
    before = known.size;
    for (const { oid: one, base } of names) if (base === undefined || known.has(base)) known.add(one);
  }
  return known.has(oid);
}

/** Decodes every object whose base is there, by its bytes. @throws OBJECT_CORRUPT */
export function decodeEverything(files: Files): Set<Oid> {
  const known = new Map<Oid, Buffer>();
  const names = [...files.keys()].flatMap((key) => parseKey(key) ?? []);
  for (let before = -1; before < known.size; ) {
    before = known.size;
    for (const name of names) {
      if (known.has(name.oid) || (name.base !== undefined && !known.has(name.base))) continue;
      known.set(name.oid, decodeWhole(name, files.get(objectKey(name))!.bytes, name.base === undefined ? {} : { base: memoryAccess(known.get(name.base)!) }));
    }
  }
  return new Set(known.keys());
}
