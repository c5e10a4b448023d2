import { spawn } from "node:child_process";
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Programs } from "./programs.ts";
import { watchTree } from "./tree-memory.ts";

/** A program to run, without a shell. */
export interface Command {
  readonly program: string;
  readonly args: readonly string[];
  readonly cwd?: string | undefined;
  readonly env?: Readonly<Record<string, string>> | undefined;
}

/** What a command and all processes that it waited for took. */
export interface Usage {
  readonly wallSeconds: number;
  /** User and system time together; its grain is 10 ms. */
  readonly cpuSeconds: number;
  /**
   * The most memory that the processes held together, as far as looking 20 times a second tells; at least what the
   * largest of them held. Undefined without GNU time and /proc.
   */
  readonly peakBytes: number | undefined;
  readonly stdout: string;
}

/**
 * Runs a command under GNU time, or else under the shell's `times`, and says what it took. Processes that it leaves
 * behind do not count.
 * @param scratch where to put a small file
 * @throws Error when it does not end with status 0
 */
export async function measure(command: Command, programs: Programs, scratch: string): Promise<Usage> {
  const report = join(scratch, "usage");
  const time = programs.find("time");
  const [program, ...args] = time === undefined ? ["sh", "-c", SHELL, "sh", report] : [time, "-o", report, "-f", "%U %S %M", "--"];
  const began = process.hrtime.bigint();
  const { stdout, peakBytes } = await run({ ...command, program: program!, args: [...args, command.program, ...command.args] });
  const wallSeconds = Number(process.hrtime.bigint() - began) / 1e9;
  const text = readFileSync(report, "utf8");
  rmSync(report);
  const usage = time === undefined ? parseTimes(text) : parseGnuTime(text);
  return { wallSeconds, cpuSeconds: usage.cpuSeconds, peakBytes: greatest(usage.peakBytes, peakBytes), stdout };
}

const SHELL = 'report=$1; shift; "$@"; status=$?; times > "$report"; exit $status';

/** The one line that GNU time writes with the format `%U %S %M`: seconds, seconds, KiB. */
export function parseGnuTime(text: string): Pick<Usage, "cpuSeconds" | "peakBytes"> {
  const [user, system, peak] = text.trim().split("\n").at(-1)!.split(" ").map(Number);
  return { cpuSeconds: user! + system!, peakBytes: peak! * 1024 };
}

/** What the shell's `times` prints: minutes and seconds of itself, then of its children. */
export function parseTimes(text: string): Pick<Usage, "cpuSeconds" | "peakBytes"> {
  const children = text.trim().split("\n").at(-1)!;
  const seconds = [...children.matchAll(/(\d+)m([\d.]+)s/g)].map(([, minutes, rest]) => 60 * Number(minutes) + Number(rest));
  return { cpuSeconds: seconds.reduce((sum, value) => sum + value, 0), peakBytes: undefined };
}

function greatest(...values: readonly (number | undefined)[]): number | undefined {
  const known = values.filter((value) => value !== undefined);
  return known.length === 0 ? undefined : Math.max(...known);
}

function run({ program, args, cwd, env }: Command): Promise<Pick<Usage, "stdout" | "peakBytes">> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd, env: { ...process.env, ...env }, stdio: ["ignore", "pipe", "pipe"] });
    const ended = child.pid === undefined ? () => undefined : watchTree(child.pid);
    let stdout = "";
    let stderr = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => void (stdout += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => void (stderr += text));
    child.on("error", (error) => (ended(), reject(error)));
    child.on("close", (status, signal) => {
      const peakBytes = ended();
      if (status === 0) resolve({ stdout, peakBytes });
      else reject(new Error(`${program} ${args.join(" ")} ended with ${signal ?? `status ${status}`}\n${stderr}${stdout}`));
    });
  });
}
