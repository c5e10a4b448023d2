import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { oidOf, type Oid } from "../../../src/object/oid.ts";
import { findBases, leadersOf, type Bases, type Known, type Newcomer } from "../../../src/worktree/bases.ts";

const oid = (name: string): Oid => oidOf(Buffer.from(name));
const file = (path: string, sizeBytes = 1000): Newcomer => ({ path, sizeBytes });
const asset = (path: string, sizeBytes = 1000): Known => ({ path, sizeBytes, oid: oid(path) });

interface Scene {
  readonly assets?: readonly Known[];
  readonly vanished?: readonly Known[];
}

function find(files: readonly Newcomer[], { assets = [], vanished = [] }: Scene = {}): Bases {
  const byPath = new Map(assets.map((each) => [each.path, each.oid]));
  return findBases(files, { assets, vanished, versionsOf: (path) => (byPath.has(path) ? [byPath.get(path)!] : []) });
}

/** Hints as `why path`, for contents that are named by their path. */
function hintsOf(bases: Bases, path: string, known: readonly Known[]): string[] {
  const names = new Map(known.map((each) => [each.oid, each.path]));
  return (bases.hints.get(path) ?? []).map((hint) => `${hint.why} ${names.get(hint.oid)}`);
}

describe("the base of", () => {
  it("an edited asset is its last version, whatever else there is", () => {
    const assets = [asset("a/1.psd"), asset("a/2.psd"), asset("a/3.psd")];
    expect(hintsOf(find([file("a/2.psd", 9)], { assets, vanished: [asset("a/3.psd", 9)] }), "a/2.psd", assets)).toEqual(["version a/2.psd"]);
  });

  it("a new path is what vanished with the same extension and about the same size, the nearest first", () => {
    const vanished = [asset("x/far.psd", 1900), asset("x/near.psd", 1010), asset("x/other.png", 1000), asset("x/small.psd", 400), asset("x/large.psd", 2100)];
    expect(hintsOf(find([file("y/new.PSD")], { vanished }), "y/new.PSD", vanished)).toEqual(["renamed x/near.psd", "renamed x/far.psd"]);
  });

  it("a new path without such a namesake is what vanished with just about its size", () => {
    const vanished = [asset("x/near.tiff", 1050), asset("x/far.tiff", 1200)];
    expect(hintsOf(find([file("x/near.tif")], { vanished }), "x/near.tif", vanished)).toEqual(["renamed x/near.tiff"]);
  });

  it("a new path is an asset of its directory and extension, the nearest before and behind", () => {
    const assets = [asset("s/01.exr"), asset("s/02.exr"), asset("s/04.exr"), asset("s/05.exr"), asset("s/03.png"), asset("t/03.exr"), asset("s/021.exr", 5000)];
    expect(hintsOf(find([file("s/03.exr")], { assets }), "s/03.exr", assets)).toEqual(["similar s/02.exr", "similar s/04.exr"]);
  });

  it("a file that was moved is what vanished with its name, unless several did", () => {
    const vanished = [asset("x/hero.psd", 1500), asset("x/near.psd", 1000)];
    expect(hintsOf(find([file("y/hero.psd")], { vanished }), "y/hero.psd", vanished)).toEqual(["renamed x/hero.psd"]);
    const twice = [...vanished, asset("z/hero.psd", 1400)];
    expect(hintsOf(find([file("y/hero.psd")], { vanished: twice }), "y/hero.psd", twice)).toEqual(["renamed x/near.psd", "renamed z/hero.psd", "renamed x/hero.psd"]);
  });

  it("a new path that is like nothing is none", () => {
    expect(find([file("s/03.exr")]).hints.get("s/03.exr")).toEqual([]);
  });
});

describe("kin", () => {
  it("are new files of one directory, extension and size", () => {
    const files = [file("s/b.exr"), file("s/a.exr", 1500), file("s/c.exr", 9000), file("s/d.exr", 8000), file("t/e.exr"), file("s/f.png"), file("s/g.exr", 50)];
    expect(find(files).kins.map((kin) => kin.map(({ path }) => path))).toEqual([["s/a.exr", "s/b.exr"], ["s/c.exr", "s/d.exr"]]);
  });

  it("are not those that something renamed may be", () => {
    expect(find([file("a.psd"), file("b.psd")], { vanished: [asset("c.psd")] }).kins).toEqual([]);
  });

  it("come in parties of 64 at most", () => {
    const files = Array.from({ length: 150 }, (_, i) => file(`frame.${String(i).padStart(3, "0")}.exr`));
    expect(find(files).kins.map(({ length }) => length)).toEqual([64, 64, 22]);
  });
});

describe("who stands on whom", () => {
  const kin = ["a1", "b1", "a2", "c1", "b2", "a3", "ab"].map((path) => file(path));
  const alike = (a: Newcomer, b: Newcomer): number => (a.path[0] === b.path[0] ? 0.8 : b.path === "ab" && a.path === "b1" ? 0.9 : 0.1);

  it("is the most similar of the first of each sort; the first of a sort stands on nobody", () => {
    expect([...leadersOf(kin, alike)]).toEqual([["a2", "a1"], ["b2", "b1"], ["a3", "a1"], ["ab", "b1"]]);
    expect([...leadersOf(kin, () => 0)]).toEqual([]);
  });
});

describe("whatever the files", () => {
  const path = fc.tuple(fc.constantFrom("", "a/", "a/b/"), fc.stringMatching(/^[a-d]{1,3}$/), fc.constantFrom(".psd", ".exr", "")).map((parts) => parts.join(""));
  const newcomers = fc.uniqueArray(fc.record({ path, sizeBytes: fc.nat(5000) }), { selector: (each) => each.path, maxLength: 40 });

  it("the answer is the same in any order, of bounded length, and nobody is in two kins", () => {
    fc.assert(
      fc.property(newcomers, newcomers, newcomers, fc.infiniteStream(fc.double({ min: 0, max: 1, noNaN: true })), (files, there, gone, chance) => {
        const scene = { assets: there.map((each) => asset(each.path, each.sizeBytes)), vanished: gone.map((each) => asset(each.path, each.sizeBytes)) };
        const order = new Map([...files, ...there, ...gone].map((each) => [each.path, chance.next().value as number]));
        const shuffled = <T extends Newcomer>(items: readonly T[]): T[] => items.toSorted((a, b) => order.get(a.path)! - order.get(b.path)!);
        const bases = find(files, scene);
        const again = find(shuffled(files), { assets: shuffled(scene.assets), vanished: shuffled(scene.vanished) });
        expect(again.kins).toEqual(bases.kins);
        expect([...again.hints].sort()).toEqual([...bases.hints].sort());
        for (const [, hints] of bases.hints) expect(hints.length).toBeLessThanOrEqual(6);
        const kin = bases.kins.flat().map((each) => each.path);
        expect(new Set(kin).size).toBe(kin.length);
      }),
    );
  });

  it("30,000 of them are sorted out in no time", () => {
    const many = (name: string): Known[] => Array.from({ length: 30_000 }, (_, i) => asset(`d/${name}${i}.jpg`, 1_000_000 + ((i * 7919) % 900_000)));
    const [files, assets, vanished] = [many("n"), many("o"), many("p").slice(0, 10_000)];
    const began = performance.now();
    find(files, { assets, vanished });
    expect(performance.now() - began).toBeLessThan(5000);
  });
});
