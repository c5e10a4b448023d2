import type { Command } from "./measure.ts";

/** A line for the shell, whose arguments are `$1`, `$2` …; it ends at the first command that fails. */
export function shell(line: string, ...args: string[]): Command {
  return { program: "sh", args: ["-c", `set -e; ${line}`, "sh", ...args] };
}
