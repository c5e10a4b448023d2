import { execFileSync, spawnSync } from "node:child_process";
import { accessSync, constants, statSync } from "node:fs";
import { delimiter, join } from "node:path";

/** The peers that this machine has. Nothing is ever installed. */
export interface Programs {
  /** The path of a program, or undefined when it is not there or was left out. */
  find(name: string): string | undefined;
  /** A program's version; undefined when it is not there. */
  version(name: string): string | undefined;
  /** Why a program takes no part. */
  reason(name: string): string;
}

/** How each program is asked for its version; `--version` where nothing else is said. */
const ASK: Readonly<Record<string, readonly string[]>> = { "git-lfs": ["version"], restic: ["version"], openssl: ["version"], xdelta3: ["-V"], rclone: ["version"], "git-annex": ["version"] };

/** @param without programs that take no part though they are there */
export function findPrograms(without: readonly string[] = []): Programs {
  const find = (name: string): string | undefined => (without.includes(name) ? undefined : onPath(name));
  return {
    find,
    version(name) {
      const path = find(name);
      if (path === undefined) return undefined;
      const { stdout, stderr } = spawnSync(path, ASK[name] ?? ["--version"], { encoding: "utf8" });
      return versionIn(`${stdout}\n${stderr}`);
    },
    reason: (name) => (without.includes(name) ? `${name} was left out` : `there is no ${name}`),
  };
}

/** The first thing in a program's answer that looks like a version. */
export function versionIn(text: string): string {
  return /\d+(\.\d+)+\w*/.exec(text)?.[0] ?? "of unknown version";
}

function onPath(name: string): string | undefined {
  for (const directory of (process.env["PATH"] ?? "").split(delimiter)) {
    const path = join(directory, name);
    try {
      accessSync(path, constants.X_OK);
      if (statSync(path).isFile()) return path;
    } catch {
      // It is not here.
    }
  }
  return undefined;
}

/** Runs a program that must succeed, outside of any measurement; returns its standard output without the last line feed. */
export function output(program: string, args: readonly string[], options: { cwd?: string; env?: NodeJS.ProcessEnv } = {}): string {
  return execFileSync(program, args, { encoding: "utf8", maxBuffer: 1 << 28, stdio: ["ignore", "pipe", "pipe"], ...options }).replace(/\n$/, "");
}
