import { spawn } from "node:child_process";
import { readFileSync, rmSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect } from "vitest";
import { watchTree } from "../bench/tree-memory.ts";
import type { Sandbox } from "../support/sandbox.ts";

/** Whether the whole loads are tried that docs/memory.md speaks of; otherwise smaller ones, by which the same would show. */
export const EXHAUSTIVE = process.env["BALLAST_TEST_EXHAUSTIVE"] === "1";

const PRELOADED = fileURLToPath(new URL("../support/peak-memory.cjs", import.meta.url));
const MB = 1e6;

/**
 * Runs commands and holds the memory that each takes against a bound: the most that all its processes hold together, as
 * far as looking 20 times a second tells, and at least what any process of Node's has ever held, which the system keeps
 * count of. So what lasts too short to be seen does not pass, and a slow machine makes nothing more.
 */
export class Meter {
  readonly #box: Sandbox;

  constructor(box: Sandbox) {
    this.#box = box;
  }

  /**
   * @param name of the measurement, for the failure and for the list of an exhaustive run
   * @param boundMb what the command and all that it starts may take together, in megabytes
   * @param command a program and its arguments; it must succeed
   * @returns the standard output
   */
  async hold(name: string, boundMb: number, cwd: string, ...command: [string, ...string[]]): Promise<string> {
    const { stdout, peakBytes, programs } = await this.#run(cwd, command);
    if (EXHAUSTIVE) process.stderr.write(`${(peakBytes / MB).toFixed(0).padStart(5)} MB  ${name}\n`);
    // What does not run is not measured.
    expect(programs, `${name} ran no program of ours`).toBeGreaterThan(0);
    // The commands after it build on this one.
    expect.soft(peakBytes / MB, `${name} takes ${(peakBytes / MB).toFixed(0)} MB`).toBeLessThanOrEqual(boundMb);
    return stdout;
  }

  async #run(cwd: string, [program, ...args]: [string, ...string[]]): Promise<{ stdout: string; peakBytes: number; programs: number }> {
    const log = this.#box.path("peaks");
    const env = { ...this.#box.env, NODE_OPTIONS: `--require=${PRELOADED}`, PEAK_MEMORY_LOG: log };
    const child = spawn(program, args, { cwd: this.#box.path(cwd), env, stdio: ["ignore", "pipe", "pipe"] });
    const most = watchTree(child.pid!);
    let stdout = "";
    let stderr = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => void (stdout += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => void (stderr += text));
    const status = await new Promise((done, reject) => child.on("error", reject).on("close", done));
    // What a Git command leaves to the background belongs to it.
    if (await this.#box.exists(`${cwd}/.git`)) await this.#box.settled(cwd);
    const togetherBytes = most() ?? 0;
    expect(status, `${program} ${args.join(" ")}\n${stderr}${stdout}`).toBe(0);
    const peaks = peaksIn(log);
    return { stdout, peakBytes: Math.max(togetherBytes, ...peaks), programs: peaks.length };
  }
}

/** What each process held at most, in bytes. */
function peaksIn(log: string): number[] {
  try {
    return readFileSync(log, "utf8").trim().split("\n").map((line) => Number.parseInt(line, 10) * 1024);
  } catch {
    return [];
  } finally {
    rmSync(log, { force: true });
  }
}
