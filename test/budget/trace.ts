import { basename } from "node:path";

/** What a command and all that it started asked of the system. */
export interface Counts {
  /** Programs that were started. */
  readonly node: number;
  readonly git: number;
  readonly shells: number;
  readonly others: number;
  /**
   * System calls on files of the scenario: those that look (stat), open, list, make or remove names, sync, and change
   * modes or times. Of names only what succeeded counts: whether a thread finds its directory made is chance.
   */
  readonly looks: number;
  readonly opens: number;
  readonly lists: number;
  readonly names: number;
  readonly syncs: number;
  readonly attributes: number;
  /** Bytes of files of the scenario, copies within the kernel included. */
  readonly bytesRead: number;
  readonly bytesWritten: number;
  /** Bytes of the program's own files. */
  readonly bytesLoaded: number;
}

/** Which count a system call belongs to. What a kernel or a C library may use instead stands beside it. */
const CALLS: Readonly<Record<string, readonly string[]>> = {
  looks: ["stat", "lstat", "fstat", "newfstatat", "statx", "access", "faccessat", "faccessat2", "readlink", "readlinkat"],
  opens: ["open", "openat", "openat2", "creat"],
  lists: ["getdents", "getdents64"],
  names: ["rename", "renameat", "renameat2", "link", "linkat", "symlink", "symlinkat", "unlink", "unlinkat", "mkdir", "mkdirat", "rmdir"],
  syncs: ["fsync", "fdatasync", "syncfs"],
  attributes: ["chmod", "fchmod", "fchmodat", "utimensat", "utime", "utimes", "ftruncate", "truncate"],
  bytesRead: ["read", "pread64", "readv", "preadv"],
  bytesWritten: ["write", "pwrite64", "writev", "pwritev", "copy_file_range", "sendfile"],
};
const COUNT_OF = new Map(Object.entries(CALLS).flatMap(([count, names]) => names.map((name) => [name, count as keyof Counts] as const)));

/** What strace is to write for `countTrace`: only these calls stop the traced processes. A call that a machine lacks is left out (`?`). */
export const STRACE_OPTIONS = ["-f", "--seccomp-bpf", "-qq", "-y", "-s", "0", "-e", "signal=none", "-e", `trace=execve,${[...COUNT_OF.keys()].map((name) => `?${name}`).join(",")}`];

/**
 * Counts what a trace says.
 * @param directory whose files are those of the scenario; relative paths belong to it too
 * @param program where the program's own files are
 */
export function countTrace(trace: string, directory: string, program: string): Counts {
  const counts = { node: 0, git: 0, shells: 0, others: 0, looks: 0, opens: 0, lists: 0, names: 0, syncs: 0, attributes: 0, bytesRead: 0, bytesWritten: 0, bytesLoaded: 0 };
  for (const call of callsOf(trace)) {
    const { name, args, result } = call;
    if (name === "execve") {
      if (result === 0) counts[kindOf(args)] += 1;
      continue;
    }
    const count = COUNT_OF.get(name);
    if (count === undefined) continue;
    const path = pathOf(name, args);
    if (path === undefined || (count === "names" && result < 0)) continue;
    const isIn = (root: string): boolean => path === root || path.startsWith(`${root}/`);
    const amount = count.startsWith("bytes") ? Math.max(0, result) : 1;
    if (!path.startsWith("/") || isIn(directory)) counts[count] += amount;
    else if (count === "bytesRead" && isIn(program)) counts.bytesLoaded += amount;
  }
  return counts;
}

interface Call {
  readonly name: string;
  readonly args: string;
  readonly result: number;
}

/** The calls of a trace. One that another process interrupts stands on two lines. */
function* callsOf(trace: string): Iterable<Call> {
  const begun = new Map<string, string>();
  for (const line of trace.split("\n")) {
    const [, pid, said] = /^(\d+) +(.*)$/.exec(line) ?? [];
    if (pid === undefined || said === undefined) continue;
    const unfinished = /^(.*) <unfinished \.\.\.>$/.exec(said);
    if (unfinished) {
      begun.set(pid, unfinished[1]!);
      continue;
    }
    const resumed = /^<\.\.\. \w+ resumed>(.*)$/.exec(said);
    const whole = resumed ? `${begun.get(pid) ?? ""}${resumed[1]}` : said;
    const [, name, args, result] = /^(\w+)\((.*)\) += (-?\d+)/.exec(whole) ?? [];
    if (name !== undefined) yield { name, args: args!, result: Number(result) };
  }
}

/**
 * The path that a call is about: `"absolute"`, `"relative"` to the directory before it, or that of the descriptor.
 * @returns undefined for what is no file, such as a pipe
 */
function pathOf(name: string, args: string): string | undefined {
  const [, descriptor] = /^(?:AT_FDCWD|\d+)<([^>]*)>/.exec(args) ?? [];
  if (descriptor === undefined) return /^"((?:[^"\\]|\\.)*)"/.exec(args)?.[1];
  // Behind the descriptor of any other call stands what was read or written.
  const [, path] = (/at2?$|^statx$/.test(name) && /^[^>]*>, "((?:[^"\\]|\\.)*)"/.exec(args)) || [];
  if (path?.startsWith("/")) return path;
  return descriptor.startsWith("/") ? descriptor : undefined;
}

function kindOf(args: string): "node" | "git" | "shells" | "others" {
  const program = basename(/^"([^"]*)"/.exec(args)?.[1] ?? "");
  if (program === "node" || program.startsWith("node-")) return "node";
  if (program === "git" || program.startsWith("git-")) return program === "git-ballast" ? "shells" : "git";
  return /^(ba|da)?sh$/.test(program) ? "shells" : "others";
}
