import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import type { Repository } from "../../../src/git/repository.ts";
import { oidOf } from "../../../src/object/oid.ts";
import { readConflicts, writeConflicts, type MergeConflict } from "../../../src/worktree/conflicts.ts";

const gitDir = mkdtempSync(join(tmpdir(), "ballast-conflicts-"));
afterAll(() => rmSync(gitDir, { recursive: true, force: true }));
const repository = { gitDir, commonDir: gitDir } as Repository;
const file = join(gitDir, "ballast/conflicts.json");
mkdirSync(join(gitDir, "ballast"));

const conflict = (path: string, ours: string | undefined, theirs: string | undefined, more: Partial<MergeConflict> = {}): MergeConflict => {
  const side = (text: string | undefined): MergeConflict["ours"] => (text === undefined ? undefined : { path, oid: oidOf(Buffer.from(text)), sizeBytes: text.length, exec: false });
  return { path, ours: side(ours), theirs: side(theirs), ...more };
};
const text = fc.option(fc.string(), { nil: undefined });
const some = fc.uniqueArray(
  fc.record({ path: fc.oneof(fc.string({ unit: "grapheme", minLength: 1 }), fc.constantFrom("__proto__", "{", " {", "a\nb", "}", "1")), ours: text, theirs: text, against: text }),
  { selector: ({ path }) => path, maxLength: 8 },
).map((list) => list.map(({ path, ours, theirs, against }) => conflict(path, ours, theirs, against ? { against } : {})));

describe("the note of conflicts", () => {
  it("is read as it was written, is one JSON object, and is gone when there are none", () => {
    fc.assert(
      fc.property(some, (list) => {
        writeConflicts(repository, list);
        expect([...readConflicts(repository).values()]).toEqual(list);
        if (list.length > 0) expect(Object.keys(JSON.parse(readFileSync(file, "utf8")) as object).sort()).toEqual(list.map(({ path }) => path).sort());
        else expect(() => readFileSync(file)).toThrow();
      }),
    );
  });

  it("is read as older versions wrote it", () => {
    const side = { oid: oidOf(Buffer.from("1")), size: 1, exec: true };
    writeFileSync(file, `${JSON.stringify({ "a\n{": { ours: side, theirs: null }, b: { ours: null, theirs: side } }, null, 1)}\n`);
    expect([...readConflicts(repository)].map(([path, { ours, theirs }]) => [path, ours?.exec, theirs?.sizeBytes])).toEqual([["a\n{", true, undefined], ["b", undefined, 1]]);
  });

  it("holds more than is read at once, and lines that are longer than that", () => {
    const list = Array.from({ length: 2000 }, (_, i) => conflict(`${i}${"x".repeat(i === 1000 ? 200_000 : 50)}`, "a", "b", { beside: { path: `${i}`, size: 1, mtimeNs: "1" } }));
    writeConflicts(repository, list);
    expect([...readConflicts(repository).values()]).toEqual(list);
  });
});
