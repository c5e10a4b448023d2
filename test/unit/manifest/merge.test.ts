import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { formatManifest, type Asset, type Manifest } from "../../../src/manifest/manifest.ts";
import { mergeBases, mergeManifests, mergeSorted } from "../../../src/manifest/merge.ts";
import { comparePaths } from "../../../src/manifest/path.ts";
import { oidOf } from "../../../src/object/oid.ts";

const NAMES = ["a", "b", "c", "d"];
const line = (path: string, text: string, exec = false): Asset => ({ path, oid: oidOf(Buffer.from(text)), sizeBytes: 1, exec });
const manifestOf = (entries: Record<string, string>): Manifest => new Map(Object.entries(entries).map(([path, text]) => [path, line(path, text)]));
/** Contents that tell their path apart: nothing is renamed. */
const still = fc.dictionary(fc.constantFrom(...NAMES), fc.constantFrom("1", "2", "3")).map((entries) => manifestOf(Object.fromEntries(Object.entries(entries).map(([path, text]) => [path, path + text]))));
const sorted = (manifest: Manifest): Asset[] => [...manifest.values()].sort((a, b) => comparePaths(a.path, b.path));
const byPath = (assets: Asset[]): Manifest => new Map(assets.map((asset) => [asset.path, asset]));
const any = fc.dictionary(fc.constantFrom(...NAMES), fc.constantFrom("1", "2", "3", "4", "5")).map(manifestOf);

describe("a merge of manifests", () => {
  it("takes each side's changes, and ours where both changed an asset in different ways", () => {
    fc.assert(
      fc.property(still, still, still, (base, ours, theirs) => {
        const { merged, conflicts } = mergeManifests(base, ours, theirs);
        for (const path of NAMES) {
          const [b, o, t, m] = [base, ours, theirs, merged].map((side) => side.get(path)?.oid);
          const conflict = conflicts.some((one) => one.path === path);
          expect(conflict).toBe(o !== b && t !== b && o !== t);
          expect(m).toBe(conflict || t === b ? o : t);
        }
      }),
      { numRuns: 1000 },
    );
  });

  it("never loses a content that one side has and the base does not, and is the same from both sides but for conflicts", () => {
    fc.assert(
      fc.property(any, any, any, (base, ours, theirs) => {
        const { merged, conflicts } = mergeManifests(base, ours, theirs);
        const kept = new Set([...merged.values(), ...conflicts.flatMap(({ ours, theirs }) => [ours, theirs])].map((asset) => asset?.oid));
        const known = new Set([...base.values()].map(({ oid }) => oid));
        for (const { oid } of [...ours.values(), ...theirs.values()]) if (!known.has(oid)) expect(kept).toContain(oid);
        const mirrored = mergeManifests(base, theirs, ours);
        expect(new Set(mirrored.conflicts.map(({ path }) => path))).toEqual(new Set(conflicts.map(({ path }) => path)));
        const without = (manifest: Manifest): string => formatManifest([...manifest.values()].filter(({ path }) => !conflicts.some((one) => one.path === path)));
        expect(without(mirrored.merged)).toBe(without(merged));
      }),
      { numRuns: 3000 },
    );
  });

  it("is the same where manifests are gone through side by side", () => {
    const manifest = fc.dictionary(fc.constantFrom(...NAMES, "a/x", "a/x/y", "b/x", "b.x"), fc.constantFrom("1", "2", "3", "4", "5")).map(manifestOf);
    const side = fc.tuple(manifest, fc.array(fc.constantFrom(...NAMES))).map(([assets, exec]) => new Map([...assets].map(([path, asset]) => [path, { ...asset, exec: exec.includes(path) }])));
    fc.assert(
      fc.property(side, side, side, (...sides) => {
        const [base, ours, theirs] = sides.map(sorted) as [Asset[], Asset[], Asset[]];
        const found = mergeSorted(base, ours, theirs);
        const whole = mergeManifests(byPath(base), byPath(ours), byPath(theirs));
        expect(formatManifest(found.merged)).toBe(formatManifest(whole.merged.values()));
        expect(new Set(found.conflicts)).toEqual(new Set(whole.conflicts));
        expect(found.conflicts).toHaveLength(whole.conflicts.length);
      }),
      { numRuns: 3000 },
    );
  });

  it("never has a file and a directory of one name: theirs is in conflict, and nothing of either side is lost", () => {
    const paths = ["x", "x/y", "x/y/z", "x/w", "u"];
    const hasRoom = (manifest: Manifest): boolean => [...manifest.keys()].every((path) => [...manifest.keys()].every((other) => !other.startsWith(`${path}/`)));
    const side = fc.dictionary(fc.constantFrom(...paths), fc.constantFrom("1", "2", "3")).map((entries) => manifestOf(Object.fromEntries(Object.entries(entries).map(([path, text]) => [path, path + text])))).filter(hasRoom);
    fc.assert(
      fc.property(side, side, side, (base, ours, theirs) => {
        const { merged, conflicts } = mergeManifests(base, ours, theirs);
        expect(hasRoom(merged)).toBe(true);
        for (const { path, ours: our, against } of conflicts) {
          expect(merged.get(path)).toEqual(our);
          if (against !== undefined) expect([merged.has(against), against.startsWith(`${path}/`) || path.startsWith(`${against}/`)]).toEqual([true, true]);
        }
        for (const [path, asset] of theirs) if (asset.oid !== base.get(path)?.oid && merged.get(path)?.oid !== asset.oid) expect(conflicts.map((one) => one.path)).toContain(path);
      }),
      { numRuns: 3000 },
    );
  });

  it("of several merge bases takes for changed what these do not agree on", () => {
    fc.assert(
      fc.property(still, still, still, still, still, (base, one, other, ours, theirs) => {
        const bases = mergeBases(sorted(base), sorted(one), sorted(other));
        const open = new Set(mergeManifests(base, one, other).conflicts.map(({ path }) => path));
        const { merged, conflicts } = mergeManifests(bases, ours, theirs);
        for (const path of NAMES) {
          if (!open.has(path)) continue;
          const [o, t] = [ours, theirs].map((side) => side.get(path)?.oid);
          expect(conflicts.some((conflict) => conflict.path === path)).toBe(o !== t);
          expect(merged.get(path)?.oid).toBe(o);
        }
      }),
      { numRuns: 1000 },
    );
  });

  it("puts an edit where the other side moved the asset", () => {
    for (const mirrored of [false, true]) {
      const [mover, editor] = [manifestOf({ new: "1" }), manifestOf({ old: "2" })];
      const { merged, conflicts } = mergeManifests(manifestOf({ old: "1" }), mirrored ? editor : mover, mirrored ? mover : editor);
      expect(conflicts).toEqual([]);
      expect([...merged.values()]).toEqual([line("new", "2")]);
    }
  });

  it("does not guess which of two equal contents moved", () => {
    const { merged, conflicts } = mergeManifests(manifestOf({ x: "1", y: "1" }), manifestOf({ p: "1", q: "1" }), manifestOf({ x: "2", y: "1" }));
    expect(conflicts).toEqual([{ path: "x", ours: undefined, theirs: line("x", "2") }]);
    expect([...merged.keys()].sort()).toEqual(["p", "q"]);
  });

  it("is a conflict where both sides renamed one asset, each to another name: both names stay", () => {
    const renamed = { from: "old", ours: "p", theirs: "q" };
    expect(mergeManifests(manifestOf({ old: "1" }), manifestOf({ p: "1" }), manifestOf({ q: "1" }))).toEqual({
      merged: manifestOf({ p: "1", q: "1" }),
      conflicts: [
        { path: "p", ours: line("p", "1"), theirs: undefined, renamed },
        { path: "q", ours: undefined, theirs: line("q", "1"), renamed },
      ],
    });
  });

  it.each<[why: string, base: Record<string, string>, ours: Record<string, string>, theirs: Record<string, string>]>([
    ["both renamed it to the same name", { old: "1" }, { p: "1" }, { p: "1" }],
    ["one of them has both names", { old: "1" }, { p: "1", q: "1" }, { q: "1" }],
    ["one of them copied it", { old: "1" }, { p: "1", r: "1" }, { q: "1" }],
    ["one of them only removed it", { old: "1" }, { p: "1" }, {}],
    ["two had that content", { old: "1", too: "1" }, { p: "1" }, { q: "1" }],
    ["one of them kept the old name", { old: "1" }, { old: "1", p: "1" }, { q: "1" }],
    ["the content was there under that name before", { old: "1", q: "1" }, { p: "1" }, { q: "1" }],
  ])("is none where %s", (_why, base, ours, theirs) => {
    for (const sides of [[ours, theirs], [theirs, ours]] as const) expect(mergeManifests(manifestOf(base), manifestOf(sides[0]), manifestOf(sides[1])).conflicts).toEqual([]);
  });

  it("merges the executable bit by itself", () => {
    const of = (text: string, exec: boolean): Manifest => new Map([["a", line("a", text, exec)]]);
    expect(mergeManifests(of("1", false), of("1", true), of("2", false))).toEqual({ merged: of("2", true), conflicts: [] });
    expect(mergeManifests(of("1", true), of("2", true), of("1", false))).toEqual({ merged: of("2", false), conflicts: [] });
    expect(mergeManifests(of("1", true), of("2", false), of("2", true))).toEqual({ merged: of("2", false), conflicts: [] });
    expect(mergeManifests(of("1", false), of("2", true), of("3", false)).conflicts).toHaveLength(1);
  });
});
