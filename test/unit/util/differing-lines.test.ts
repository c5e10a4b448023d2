import fc from "fast-check";
import { expect, it } from "vitest";
import { differingLines } from "../../../src/util/differing-lines.ts";

const text = (lines: readonly string[]): Buffer => Buffer.from(lines.map((line) => `${line}\n`).join(""));
const differ = (a: readonly string[], b: readonly string[], most = Infinity): { first: string[]; second: string[] } | undefined => {
  const found = differingLines(text(a), text(b), 10, most);
  return found && { first: found.first.map(String), second: found.second.map(String) };
};

/** Lines of a text of its own, some of them long, so that blocks end anywhere. */
const lines = fc.uniqueArray(fc.tuple(fc.nat(60), fc.nat(200)), { maxLength: 60, selector: ([number]) => number }).map((all) => all.map(([number, more]) => `${number} ${"x".repeat(more)}`));

it("finds what only one of two sets of lines has, in whatever order they stand", () => {
  fc.assert(
    fc.property(lines, lines, (a, b) => {
      expect(differ(a, b)).toEqual({ first: a.filter((line) => !b.includes(line)), second: b.filter((line) => !a.includes(line)) });
    }),
    { numRuns: 400 },
  );
});

it("finds a few edits, deletions, new and moved lines among many", () => {
  const edit = fc.record({ at: fc.double({ min: 0, max: 0.999, noNaN: true }), how: fc.constantFrom("edit", "delete", "insert", "move"), to: fc.double({ min: 0, max: 0.999, noNaN: true }) });
  const before = Array.from({ length: 3000 }, (_, i) => `f ${i * 7919} ${"y".repeat(i % 50)} path/${i}`);
  fc.assert(
    fc.property(fc.array(edit, { maxLength: 12 }), (edits) => {
      const after = [...before];
      for (const [number, { at, how, to }] of edits.entries()) {
        const i = Math.floor(at * after.length);
        if (how === "edit") after[i] = `edited ${number}`;
        else if (how === "insert") after.splice(i, 0, `new ${number}`);
        else {
          const [line] = after.splice(i, 1);
          if (how === "move") after.splice(Math.floor(to * after.length), 0, line!);
        }
      }
      const [had, has] = [new Set(before), new Set(after)];
      expect(differ(before, after, 2000)).toEqual({ first: before.filter((line) => !has.has(line)), second: after.filter((line) => !had.has(line)) });
    }),
    { numRuns: 60 },
  );
});

it("tells a line that stands there twice, and one that another ends with", () => {
  expect(differ(["a", "b"], ["a", "a", "b"])).toEqual({ first: [], second: ["a"] });
  expect(differ(["ab", "c"], ["b", "c"])).toEqual({ first: ["ab"], second: ["b"] });
  expect(differ(["b", "c"], ["ab", "c"])).toEqual({ first: ["b"], second: ["ab"] });
  expect(differ(["", "c"], ["c"])).toEqual({ first: [""], second: [] });
});

it("says nothing of texts that have little in common, or that are cut off", () => {
  const [a, b] = [Array.from({ length: 50 }, (_, i) => `a${i}`), Array.from({ length: 50 }, (_, i) => `b${i}`)];
  expect(differ(a, b, 99)).toBeUndefined();
  expect(differ(a, b, 100)).toEqual({ first: a, second: b });
  expect(differ([], b, 49)).toBeUndefined();
  expect(differingLines(Buffer.from("a\nb"), Buffer.from("a\n"), 10, 9)).toBeUndefined();
  expect(differingLines(Buffer.alloc(0), Buffer.alloc(0), 10, 0)).toEqual({ first: [], second: [] });
});
