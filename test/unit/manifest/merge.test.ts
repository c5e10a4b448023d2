import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Manifest } from "../../../src/manifest/manifest.ts";
import { mergeManifests } from "../../../src/manifest/merge.ts";
import { oidOf } from "../../../src/object/oid.ts";

const manifest = fc
  .dictionary(fc.constantFrom("a", "b", "c", "d"), fc.constantFrom("1", "2", "3"))
  .map((entries): Manifest => new Map(Object.entries(entries).map(([path, text]) => [path, { path, oid: oidOf(Buffer.from(text)), sizeBytes: 1, exec: false }])));

describe("a merge of manifests", () => {
  it("takes each side's changes, and ours where both changed an asset in different ways", () => {
    fc.assert(
      fc.property(manifest, manifest, manifest, (base, ours, theirs) => {
        const { merged, conflicts } = mergeManifests(base, ours, theirs);
        for (const path of ["a", "b", "c", "d"]) {
          const [b, o, t, m] = [base, ours, theirs, merged].map((side) => side.get(path)?.oid);
          const conflict = conflicts.some((one) => one.path === path);
          expect(conflict).toBe(o !== b && t !== b && o !== t);
          expect(m).toBe(conflict || t === b ? o : t);
        }
      }),
      { numRuns: 1000 },
    );
  });
});
