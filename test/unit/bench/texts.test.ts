import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { expect, it } from "vitest";
import { writeTexts } from "../../bench/texts.ts";

it("texts are always the same, differ from each other, and compress as prose does", () => {
  const directory = mkdtempSync(join(tmpdir(), "ballast-bench-unit-"));
  try {
    const [some, again] = ["some", "again"].map((name) => {
      writeTexts(join(directory, name), 3, 300_000);
      return readdirSync(join(directory, name)).map((file) => readFileSync(join(directory, name, file)));
    });
    expect(again).toEqual(some);
    expect(some!.map(({ length }) => length)).toEqual([300_000, 300_000, 300_000]);
    expect(some![0]!.equals(some![1]!)).toBe(false);
    const ratio = gzipSync(Buffer.concat(some!)).length / 900_000;
    expect(ratio).toBeGreaterThan(0.25);
    expect(ratio).toBeLessThan(0.45);
  } finally {
    rmSync(directory, { recursive: true });
  }
});
