import { appendFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import type { Repository } from "../../../src/git/repository.ts";
import { oidOf } from "../../../src/object/oid.ts";
import { forgetRestoring, knownAt, noteRestoring, readRestoring } from "../../../src/worktree/restoring.ts";

const gitDir = mkdtempSync(join(tmpdir(), "ballast-restoring-"));
afterAll(() => rmSync(gitDir, { recursive: true, force: true }));
const repository = { gitDir, commonDir: gitDir } as Repository;
const [old, target, other] = ["old", "target", "other"].map((text) => ({ oid: oidOf(Buffer.from(text)), exec: false })) as [Content, Content, Content];
type Content = { oid: ReturnType<typeof oidOf>; exec: boolean };

describe("the note of a restoration", () => {
  it("is read as it was written, whatever the paths are, and ignores a line that was cut off", () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.tuple(fc.string({ unit: "grapheme", minLength: 1 }), fc.boolean()), { selector: ([path]) => path }), (list) => {
        noteRestoring(repository, list.map(([path, removed]) => ({ path, target: removed ? undefined : target })));
        appendFileSync(join(gitDir, "ballast/restoring"), `${target.oid} "cut o`);
        expect(readRestoring(repository)).toEqual(new Map(list.map(([path, removed]) => [path, removed ? undefined : target.oid])));
      }),
    );
    forgetRestoring(repository);
    expect(readRestoring(repository).size).toBe(0);
  });

  it("tells what Git last knew only where the disk is just as noted", () => {
    const restoring = new Map([["put", target.oid], ["removed", undefined]]);
    expect(knownAt(restoring, "put", { w: target, b: old })).toEqual(target);
    expect(knownAt(restoring, "put", { w: target, b: undefined })).toEqual(target);
    for (const w of [old, other, undefined, "blocked"] as const) expect(knownAt(restoring, "put", { w, b: old })).toBe(old);
    expect(knownAt(restoring, "removed", { w: undefined, b: old })).toBeUndefined();
    for (const w of [old, other, "blocked"] as const) expect(knownAt(restoring, "removed", { w, b: old })).toBe(old);
    expect(knownAt(restoring, "elsewhere", { w: undefined, b: old })).toBe(old);
  });
});
