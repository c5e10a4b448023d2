import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { scatteredEdits, writeLargeFile, type Edit } from "../../bench/large-file.ts";

let directory: string;
beforeAll(() => void (directory = mkdtempSync(join(tmpdir(), "ballast-bench-unit-"))));
afterAll(() => rmSync(directory, { recursive: true }));

const MIB = 2 ** 20;

/** The same edits, made in memory from the back to the front. */
function apply(content: Buffer, edits: readonly Edit[]): Buffer {
  return edits.reduceRight((edited, { at, removeBytes, insert }) => Buffer.concat([edited.subarray(0, at), insert, edited.subarray(at + removeBytes)]), content);
}

it("a large file has the edits that were asked for, also across the pieces that it is written in", async () => {
  const path = (name: string): string => join(directory, name);
  const sizeBytes = 3 * MIB + 12345;
  const edits: Edit[] = [
    { at: 0, removeBytes: 0, insert: Buffer.from("front") },
    ...scatteredEdits(5, MIB).filter(({ at }) => at > 0),
    { at: MIB - 50, removeBytes: 100, insert: Buffer.from("between two pieces") },
    { at: 2 * MIB, removeBytes: 7, insert: Buffer.alloc(0) },
  ].filter(({ at }, i, all) => i === 0 || at >= all[i - 1]!.at + all[i - 1]!.removeBytes);
  expect(edits).toHaveLength(8);
  await writeLargeFile(path("base"), sizeBytes);
  const hash = createHash("sha256");
  const written = await writeLargeFile(path("edited"), sizeBytes, edits, hash);
  const expected = apply(readFileSync(path("base")), edits);
  expect(readFileSync(path("edited")).equals(expected)).toBe(true);
  expect(written).toBe(expected.length);
  expect(hash.digest("hex")).toBe(createHash("sha256").update(expected).digest("hex"));
});

it("scattered edits are in order and do not touch each other", () => {
  const edits = scatteredEdits(1000, 512 * MIB);
  expect(edits).toHaveLength(1000);
  for (const [i, edit] of edits.slice(1).entries()) expect(edit.at).toBeGreaterThanOrEqual(edits[i]!.at + edits[i]!.removeBytes);
});
