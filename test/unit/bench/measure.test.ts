import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { measure, parseGnuTime, parseTimes } from "../../bench/measure.ts";
import { findPrograms, versionIn } from "../../bench/programs.ts";

let directory: string;
beforeAll(() => void (directory = mkdtempSync(join(tmpdir(), "ballast-bench-unit-"))));
afterAll(() => rmSync(directory, { recursive: true }));

/** Works for about 0.3 s of CPU time in a grandchild that holds 64 MiB. */
const BUSY = ["-c", '"$0" -e "const b = Buffer.alloc(64 << 20, 1); const until = process.cpuUsage().user + 3e5; while (process.cpuUsage().user < until); console.log(b.length)"', process.execPath];

describe.each([
  ["GNU time", []],
  ["the shell", ["time"]],
])("measured by %s", (by, without) => {
  const programs = findPrograms(without);

  it("a command's grandchildren count", async () => {
    const usage = await measure({ program: "sh", args: BUSY }, programs, directory);
    expect(usage.stdout).toBe(`${64 << 20}\n`);
    expect(usage.cpuSeconds).toBeGreaterThan(0.25);
    expect(usage.wallSeconds).toBeGreaterThan(0.25);
    if ((by === "GNU time" && programs.find("time") !== undefined) || process.platform === "linux") expect(usage.peakBytes).toBeGreaterThan(64 << 20);
    else expect(usage.peakBytes).toBeUndefined();
  });

  it("a command that fails is an error with what it said", async () => {
    await expect(measure({ program: "sh", args: ["-c", "echo no >&2; exit 3"] }, programs, directory)).rejects.toThrow(/status 3\n(.*\n)*no/);
  });
});

it("a program's version is found in what it says", () => {
  const said = ["git version 2.39.5", "*** Zstandard CLI (64-bit) v1.5.4, by Yann Collet ***", "Xdelta version 3.0.11, Copyright (C) 2007, 2008", "git-lfs/3.3.0 (GitHub; linux amd64; go 1.19.8)", "OpenSSL 3.0.17 1 Jul 2025", "no"];
  expect(said.map(versionIn)).toEqual(["2.39.5", "1.5.4", "3.0.11", "3.3.0", "3.0.17", "of unknown version"]);
});

it("what GNU time and the shell write is understood", () => {
  expect(parseGnuTime("Command exited with non-zero status 1\n1.25 0.50 2048\n")).toEqual({ cpuSeconds: 1.75, peakBytes: 2 << 20 });
  expect(parseTimes("0m0.00s 0m0.00s\n1m1.250s 0m0.50s\n")).toEqual({ cpuSeconds: 61.75, peakBytes: undefined });
});
