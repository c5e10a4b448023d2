import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { EMPTY_MANIFEST, formatLine, formatManifest, type Manifest } from "../../../src/manifest/manifest.ts";
import { hasMarkers, mergeWithoutBase, splitMarkers } from "../../../src/manifest/markers.ts";
import { oidOf } from "../../../src/object/oid.ts";
import { ballastError } from "../../support/errors.ts";

const directory = mkdtempSync(join(tmpdir(), "ballast-markers-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const manifest = fc
  .dictionary(fc.constantFrom("a", "b", "c", "d", "e"), fc.constantFrom("1", "2", "3"))
  .map((entries): Manifest => new Map(Object.entries(entries).map(([path, text]) => [path, { path, oid: oidOf(Buffer.from(path + text)), sizeBytes: 1, exec: false }])));

/** What Git itself makes of three manifests, line by line. */
function mergeLines(style: string, ...sides: readonly Manifest[]): string {
  const files = sides.map((side, i) => {
    const file = join(directory, String(i));
    writeFileSync(file, formatManifest(side.values()));
    return file;
  });
  const [base, ours, theirs] = files as [string, string, string];
  try {
    return execFileSync("git", ["merge-file", "-p", "--quiet", ...(style === "merge" ? [] : [`--${style}`]), ours, base, theirs]).toString();
  } catch (error) {
    return (error as { stdout: Buffer }).stdout.toString();
  }
}

describe("a manifest that Git merged line by line", () => {
  it("has on each side what no merge could have taken from it", () => {
    fc.assert(
      fc.property(manifest, manifest, manifest, fc.constantFrom("merge", "diff3"), (base, ours, theirs, style) => {
        const text = mergeLines(style, base, ours, theirs);
        if (!hasMarkers(text)) return;
        const split = splitMarkers(text, "the manifest");
        const { merged, conflicts } = mergeWithoutBase(split.ours, split.theirs);
        for (const side of ["ours", "theirs"] as const) {
          for (const asset of { ours, theirs }[side].values()) {
            const [b, other] = [base.get(asset.path), { ours: theirs, theirs: ours }[side].get(asset.path)];
            if (b?.oid === asset.oid) continue;
            // What this side changed is there, as the result or as its side of a conflict.
            const conflict = conflicts.find(({ path }) => path === asset.path);
            expect((conflict ? conflict[side] : merged.get(asset.path))?.oid, `${text}\n${asset.path} of ${side}, other ${other?.oid}`).toBe(asset.oid);
          }
        }
      }),
      { numRuns: 60 },
    );
  });

  const [a, b] = ["a", "b"].map((path) => formatLine({ path, oid: oidOf(Buffer.from(path)), sizeBytes: 1, exec: false })) as [string, string];
  it.each([
    ["no end", `${EMPTY_MANIFEST}<<<<<<< x\n${a}=======\n`],
    ["an end alone", `${EMPTY_MANIFEST}${a}>>>>>>> x\n`],
    ["one within another", `${EMPTY_MANIFEST}<<<<<<< x\n${a}<<<<<<< y\n=======\n>>>>>>> x\n`],
    ["no middle", `${EMPTY_MANIFEST}<<<<<<< x\n${a}>>>>>>> x\n`],
    ["two middles", `${EMPTY_MANIFEST}<<<<<<< x\n${a}=======\n=======\n>>>>>>> x\n`],
    ["a path twice on one side", `${EMPTY_MANIFEST}${a}<<<<<<< x\n${a}=======\n${b}>>>>>>> x\n`],
    ["a line that is none", `${EMPTY_MANIFEST}<<<<<<< x\n{}\n=======\n>>>>>>> x\n`],
  ])("is refused with %s", (_, text) => {
    expect(() => splitMarkers(text, "the manifest")).toThrow(ballastError("MANIFEST_INVALID", /the manifest/));
  });
});
