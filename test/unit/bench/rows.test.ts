import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { ROWS } from "../../bench/rows/index.ts";

/** The benchmark is one command that ends while one waits for it: in twenty minutes, one of which removes what was made. */
const TOTAL_SECONDS = 19 * 60;

it("all rows together may take less than twenty minutes, and have a place in the docs", () => {
  expect(ROWS.reduce((sum, { budgetSeconds }) => sum + budgetSeconds, 0)).toBeLessThanOrEqual(TOTAL_SECONDS);
  const docs = readFileSync("docs/benchmarks.md", "utf8");
  for (const { name } of ROWS) expect(docs).toMatch(new RegExp(`<!-- begin ${name} -->\\n[^]*<!-- end ${name} -->`));
  expect(new Set(ROWS.map(({ name }) => name)).size).toBe(ROWS.length);
});
