import fc from "fast-check";
import { expect, test } from "vitest";
import { objectKey, type ObjectName } from "../../../src/object/name.ts";
import { oidOf, type Oid } from "../../../src/object/oid.ts";
import type { StoredObject } from "../../../src/store/port.ts";
import { decodable, easiestWays } from "../../../src/transfer/chains.ts";

const OIDS = Array.from({ length: 8 }, (_, i) => oidOf(Buffer.from(`${i}`)));

const objects = fc.array(fc.record({ oid: fc.constantFrom(...OIDS), base: fc.option(fc.constantFrom(...OIDS), { nil: undefined, freq: 5 }), archived: fc.boolean() }), { maxLength: 20 }).map((all) =>
  all.flatMap(({ oid, base, archived }): StoredObject[] => {
    if (oid === base) return [];
    const name: ObjectName = base === undefined ? { oid, encoding: "raw" } : { oid, encoding: "delta", base };
    return [{ key: objectKey(name), name, sizeBytes: 1, modifiedMs: 0, ...(archived ? { archived } : {}) }];
  }));

test("what can be decoded is what there is a way to, whatever chains, forks and circles there are", () => {
  fc.assert(
    fc.property(objects, (all) => {
      const catalogue = new Map<Oid, StoredObject[]>();
      for (const object of all) catalogue.set(object.name.oid, [...(catalogue.get(object.name.oid) ?? []), object]);
      const ways = easiestWays([catalogue], { archived: true });
      const depths = [...ways].map(([oid, { depth }]) => [oid, depth]).sort();
      expect([...decodable(all)].sort()).toEqual(depths);
      expect([...decodable(all.toReversed())].sort()).toEqual(depths);
    }),
    { numRuns: 2000 },
  );
});
