import fc from "fast-check";
import { expect, it } from "vitest";
import { oidOf } from "../../../src/object/oid.ts";
import { OidFilter } from "../../../src/object/oid-filter.ts";

const oids = fc.array(fc.string(), { maxLength: 100 }).map((texts) => texts.map((text) => oidOf(Buffer.from(text))));

it("has whatever was put in, whenever it was, and as a rule nothing else", () => {
  fc.assert(
    fc.property(oids, oids, oids, (first, later, others) => {
      const filter = new OidFilter(first.map((oid, i) => (i % 2 === 0 ? oid : `${oid}.gz`)));
      for (const oid of later) filter.add(oid);
      const has = new Set([...first, ...later]);
      for (const oid of [...first, ...later, ...others]) expect(filter.mayHave(oid)).toBe(has.has(oid));
    }),
  );
});

it("passes over names that do not begin with an oid", () => {
  const filter = new OidFilter(["", "0", "README", "zzzzzzzzzzzzzzzz"]);
  expect(filter.mayHave(oidOf(Buffer.alloc(0)))).toBe(false);
});
