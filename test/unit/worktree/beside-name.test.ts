import fc from "fast-check";
import { expect, it } from "vitest";
import { besidePath, EXCLUDES, isBesidePath } from "../../../src/worktree/beside-name.ts";
import { tracking } from "../../../src/worktree/tracking.ts";

it.each([
  ["hero.psd", "hero.ballast-theirs.psd"],
  ["art/hero.psd", "art/hero.ballast-theirs.psd"],
  ["a.b/c", "a.b/c.ballast-theirs"],
  ["a/.hidden", "a/.hidden.ballast-theirs"],
  ["pack.tar.gz", "pack.tar.ballast-theirs.gz"],
])("their version of %s is %s", (path, beside) => {
  expect(besidePath(path)).toBe(beside);
});

it("is in the same directory, is told from other names, and Git leaves it alone", () => {
  const name = fc.string({ unit: fc.constantFrom("a", "b", ".", "-", " ", "\u00e9"), minLength: 1, maxLength: 6 }).filter((text) => !/^\.+$/.test(text));
  const { matches } = tracking(EXCLUDES);
  fc.assert(
    fc.property(fc.array(name, { minLength: 1, maxLength: 3 }), (parts) => {
      const path = parts.join("/");
      const beside = besidePath(path);
      expect(beside.split("/").slice(0, -1)).toEqual(parts.slice(0, -1));
      expect([isBesidePath(path), isBesidePath(beside), matches(beside)]).toEqual([false, true, true]);
    }),
  );
});
