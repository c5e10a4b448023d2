import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { halfOf, type Apart } from "../../../src/worktree/apart.ts";

const many = (count: number, path: (i: number) => string): string[] => Array.from({ length: count }, (_, i) => path(i));
const isApart = (path: string, { stem, from }: Apart): boolean => path.startsWith(stem) && path[stem.length]! >= from && path[stem.length]! <= "~";

describe("many paths are told apart in two parts", () => {
  const trees: Record<string, string[]> = {
    "numbered directories": many(10_000, (i) => `assets/${String(Math.floor(i / 100)).padStart(3, "0")}/${i}.bin`),
    "one flat directory": many(7000, (i) => `shots/shot_${String(i).padStart(6, "0")}.exr`),
    "two large directories": many(6000, (i) => (i % 5 < 2 ? `models/${i}` : `textures/${i}`)),
    "a directory that has nearly all": many(6000, (i) => (i % 10 === 0 ? `a${i}` : `content/${"xyz"[Math.floor(i / 9) % 3]}/${i}`)),
    "names that are not ASCII": many(6000, (i) => `été/${i % 2 ? "ñ" : "n"}${"ab"[Math.floor(i / 9) % 2]}/${i}`),
  };
  for (const [what, paths] of Object.entries(trees)) {
    it(what, () => {
      const apart = halfOf(paths)!;
      expect(apart).toBeDefined();
      const part = paths.filter((path) => isApart(path, apart)).length / paths.length;
      expect(part).toBeGreaterThan(0.2);
      expect(part).toBeLessThan(0.8);
    });
  }

  it("or not where nothing tells, or .gitignore would be in the second", () => {
    expect(halfOf(["a", "a", "a"])).toBeUndefined();
    expect(halfOf([])).toBeUndefined();
    expect(halfOf(many(6000, (i) => `${".gitb/"}${"ab"[Math.floor(i / 9) % 2]}${i}`))).toMatchObject({ stem: ".gitb/" });
    expect(halfOf(many(6000, (i) => `.git${"abxy"[Math.floor(i / 9) % 4]}/${i}`))).toBeUndefined();
  });

  it("whatever they are, the parts are no smaller than a quarter", () => {
    fc.assert(
      fc.property(fc.array(fc.array(fc.constantFrom(..."ab/é~\u{1f600}[*-"), { minLength: 1, maxLength: 6 }).map((all) => all.join("")), { minLength: 1, maxLength: 40 }), (paths) => {
        const apart = halfOf(paths);
        if (apart === undefined) return;
        const part = paths.filter((path) => isApart(path, apart)).length / paths.length;
        expect(part).toBeGreaterThan(0.2);
        expect(part).toBeLessThan(0.8);
      }),
    );
  });
});
