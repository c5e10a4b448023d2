import fc from "fast-check";
import { expect, test } from "vitest";
import { oidOf, type Oid } from "../../../src/object/oid.ts";
import { leastTree, type Edge } from "../../../src/transfer/least-tree.ts";

const oid = (name: number): Oid => oidOf(Buffer.from([name]));
const anyOid = fc.nat(9).map(oid);
const wholeEdges = fc.uniqueArray(
  fc.record({ oid: anyOid, costBytes: fc.nat(5), encoding: fc.constantFrom("", ".gz") }).map(({ encoding, ...edge }): Edge => ({ ...edge, base: undefined, label: `${edge.oid}${encoding}` })),
  { selector: ({ label }) => label },
);

test("the least of whole objects is the same whether or not there is a delta that nobody wants", () => {
  fc.assert(
    fc.property(wholeEdges, fc.uniqueArray(anyOid), (edges, wanted) => {
      const unwanted: Edge = { oid: oid(200), base: oid(201), costBytes: 1, label: "delta" };
      const tree = leastTree(new Set(wanted), edges);
      expect(tree).toEqual(leastTree(new Set(wanted), [...edges, unwanted]));
      for (const want of wanted) expect(tree.get(want)?.costBytes).toBe(edges.filter((edge) => edge.oid === want).map(({ costBytes }) => costBytes).sort()[0]);
      expect([...tree.keys()].every((key) => wanted.includes(key))).toBe(true);
    }),
  );
});
