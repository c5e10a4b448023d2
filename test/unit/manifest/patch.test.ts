import fc from "fast-check";
import { expect, it } from "vitest";
import { findAsset, placeOf } from "../../../src/manifest/find-asset.ts";
import { formatLine, formatManifest, type Asset } from "../../../src/manifest/manifest.ts";
import { patchManifest } from "../../../src/manifest/patch.ts";
import { oid } from "../../support/repository.ts";

const asset = (path: string, content: number): Asset => ({ path, oid: oid(String(content)), sizeBytes: content, exec: content % 2 === 1 });
/** Also paths that JSON escapes, and that only their bytes put in order. */
const path = fc.array(fc.constantFrom("a", "b", "z", "-", "/x", '"', "\\", "é", "𝒳", "\uffee"), { minLength: 1, maxLength: 4 }).map((parts) => parts.join("").replace(/^\//, ""));
const paths = fc.dictionary(path, fc.nat(9), { maxKeys: 12 });

it("a manifest with other lines is the one that would be written anew", () => {
  fc.assert(
    fc.property(paths, fc.dictionary(path, fc.option(fc.nat(9)), { maxKeys: 8 }), (before, changes) => {
      const manifest = Buffer.from(formatManifest(Object.entries(before).map(([path, content]) => asset(path, content))));
      const lines = Object.entries(changes).map(([path, content]): [string, string | undefined] => [path, content === null ? undefined : formatLine(asset(path, content))]);
      const after = Object.entries({ ...before, ...changes }).flatMap(([path, content]) => (content === null ? [] : [asset(path, content)]));
      expect(patchManifest(manifest, new Map(lines)).toString()).toBe(formatManifest(after));
    }),
    { numRuns: 500 },
  );
});

it("a line is found where it is, or where it would be; nothing is in what is no manifest", () => {
  const manifest = Buffer.from(formatManifest([asset("b", 1), asset("d", 2)]));
  expect(findAsset(manifest, "d")).toEqual(asset("d", 2));
  for (const path of ["a", "c", "e"]) expect(placeOf(manifest, path)).toMatchObject({ asset: undefined });
  expect(placeOf(manifest, "e")).toEqual({ start: manifest.length, end: manifest.length, asset: undefined });
  expect(placeOf(Buffer.alloc(0), "a")).toBeUndefined();
  expect(() => patchManifest(Buffer.alloc(0), new Map([["a", undefined]]))).toThrow("no manifest");
});
