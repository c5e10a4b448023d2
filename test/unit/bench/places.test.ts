import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { made } from "../../bench/made.ts";
import { findPrograms } from "../../bench/programs.ts";
import type { Bench } from "../../bench/row.ts";
import { contentsOf } from "../../bench/rows/life.ts";
import { committedAt, here, pushedAt, pushedBytes, rememberPush, repositoryToFill, type Place } from "../../bench/rows/places.ts";
import { plainGit } from "../../bench/rows/plain-git.ts";

let scratch: string;
let said: string[];
let bench: Bench;
beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), "ballast-bench-unit-"));
  said = [];
  bench = { scratch, cache: scratch, programs: findPrograms(), say: (line) => void said.push(line), wants: () => true, quick: false, thorough: false, elsewhere: undefined, s3: async () => undefined, ...made() };
});
afterEach(() => rmSync(scratch, { recursive: true }));

const ASSETS = { count: 3, sizeBytes: 1024 };

it("what one row has committed and pushed serves the next ones, at each place by itself", async () => {
  const there: Place = { name: "two file systems", directory: join(scratch, "elsewhere") };
  const filled = await repositoryToFill(bench, "Ballast", ASSETS);
  expect(filled.git("status", "--porcelain", "assets", ".ballast")).not.toBe("");
  const commit = await filled.commit("assets");
  for (const place of [here(bench), there]) {
    const repository = await committedAt(bench, "Ballast", ASSETS, place);
    expect(repository.git("rev-parse", "HEAD")).toBe(commit);
    expect(pushedBytes(repository)).toBe(0);
    repository.git("push", "-q", "origin", "main");
    await rememberPush(bench, "Ballast", ASSETS, place);
  }
  filled.git("commit", "-q", "--allow-empty", "-m", "not pushed");
  for (const place of [here(bench), there]) {
    const pushed = await pushedAt(bench, "Ballast", ASSETS, place);
    expect(pushed.git("ls-remote", "origin", "main")).toContain(commit);
    expect(pushedBytes(pushed)).toBe(3 * 1024);
    expect(readdirSync(place.directory)).toContain("Ballast-3-1024-pushed");
  }
  expect(said).toEqual(["writing 3 × 1 KiB"]);
});

it("a row alone makes for itself what another would have left to it", async () => {
  const pushed = await pushedAt(bench, "Ballast", ASSETS, here(bench));
  expect(pushedBytes(pushed)).toBe(3 * 1024);
  expect((await repositoryToFill(bench, "Ballast", ASSETS)).git("log", "--all", "--oneline")).toBe("");
});

it("plain Git gets the contents as they are, committed and pushed", async () => {
  const repository = await plainGit(bench, contentsOf(ASSETS));
  expect(repository.git("status", "--porcelain")).toBe("");
  expect(repository.git("rev-parse", "main")).toBe(repository.git("rev-parse", "origin/main"));
  expect(repository.git("ls-files")).toBe(["000000", "000001", "000002"].map((name) => `assets/000/${name}.bin`).join("\n"));
  expect(repository.git("fsck", "--full", "--strict")).toBe("");
  expect(await plainGit(bench, contentsOf(ASSETS))).toBe(repository);
});
