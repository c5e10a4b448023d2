import { cpus, loadavg, release, totalmem } from "node:os";
import { output, type Programs } from "./programs.ts";

/** Where and with what a row was measured. */
export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryBytes: number;
  readonly system: string;
  readonly fileSystem: string;
  readonly date: string;
  /** The load averages of one minute, before and after: more than 0 before means that the machine was shared. */
  readonly load: readonly number[];
  readonly versions: Readonly<Record<string, string>>;
}

/** @param names the programs that the row names */
export function describeMachine(programs: Programs, names: readonly string[], scratch: string): Machine {
  const versions: Record<string, string> = { node: process.versions.node, git: programs.version("git") ?? "none" };
  for (const name of new Set(names)) versions[name] ??= programs.version(name) ?? "absent";
  return {
    cpu: cpus()[0]?.model ?? "unknown",
    cores: cpus().length,
    memoryBytes: totalmem(),
    system: `${process.platform} ${process.arch} ${release()}`,
    fileSystem: fileSystemOf(scratch),
    date: new Date().toISOString().slice(0, 10),
    load: [Number(loadavg()[0]!.toFixed(1))],
    versions,
  };
}

/** The load average of the last minute. */
export function loadNow(): number {
  return Number(loadavg()[0]!.toFixed(1));
}

function fileSystemOf(path: string): string {
  try {
    return output("stat", ["-f", "-c", "%T", path]);
  } catch {
    return "unknown";
  }
}
