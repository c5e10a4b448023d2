import { execFileSync } from "node:child_process";
import { readFileSync, readlinkSync } from "node:fs";
import { hostname } from "node:os";
import { systemCode } from "../errors.ts";

/** A process, so that another of the same machine can tell whether it still runs. */
export interface ProcessName {
  /** For people. */
  readonly host: string;
  /** The running system and the space of process ids; undefined where there is no way to tell. */
  readonly machine: string | undefined;
  readonly pid: number;
  /** When it began, so that another process of the same id is not taken for it. */
  readonly started: string | undefined;
}

/** The process that asks. */
export function thisProcessName(): ProcessName {
  return nameOf(process.pid);
}

/** The Git processes that this one descends from, the nearest first. */
export function gitProcessesAbove(): ProcessName[] {
  const found: ProcessName[] = [];
  for (let at = statOf(process.pid); at !== undefined; ) {
    const parent = Number(at.fields[1]);
    at = parent > 1 ? statOf(parent) : undefined;
    if (at?.name.startsWith("git")) found.push(nameOf(parent));
  }
  return found;
}

/** The process that a record names; undefined where it names none that could be told from others. */
export function parseProcess(value: unknown): ProcessName | undefined {
  const { host, machine, pid, started } = (value ?? {}) as Record<string, unknown>;
  if (typeof host !== "string" || typeof machine !== "string" || typeof started !== "string" || !Number.isSafeInteger(pid)) return undefined;
  return { host, machine, started, pid: pid as number };
}

function nameOf(pid: number): ProcessName {
  return { host: hostname(), machine: machineName(), pid, started: startOf(pid) };
}

/** Whether a process is surely gone; false where that cannot be known, as for one of another machine. */
export function isGone(other: ProcessName): boolean {
  const machine = machineName();
  return machine !== undefined && other.machine === machine && other.started !== undefined && startOf(other.pid) !== other.started;
}

/** Whether a process surely runs, perhaps stopped; false where that cannot be known. */
export function isRunning(other: ProcessName): boolean {
  const machine = machineName();
  return machine !== undefined && other.machine === machine && other.started !== undefined && startOf(other.pid) === other.started;
}

/** Whether a process of this machine has this id: for hints, where no name could be kept. */
export function isAlive(pid: number): boolean {
  if (!Number.isSafeInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
  } catch (error) {
    // It may be somebody else's.
    return systemCode(error) !== "ESRCH";
  }
  return !isEnded(statOf(pid));
}

/** Containers of one machine have process ids of their own, so the space of ids belongs to the name. */
function machineName(): string | undefined {
  try {
    return `${readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim()} ${readlinkSync("/proc/self/ns/pid")}`;
  } catch {
    return undefined;
  }
}

/** The process's start in clock ticks since the system's (proc(5), field 22 of stat); undefined when there is none. */
function startOf(pid: number): string | undefined {
  const stat = statOf(pid);
  return stat === undefined || isEnded(stat) ? undefined : stat.fields[19];
}

/** A killed process that nobody has waited for does nothing more. */
function isEnded(stat: Stat | undefined): boolean {
  return stat !== undefined && /^[ZX]/.test(stat.fields[0]!);
}

/** A process's name, and its fields from the state on (proc(5)): the first two of them where there is no `/proc`. */
interface Stat {
  readonly name: string;
  readonly fields: readonly string[];
}

/** Undefined when there is no such process. */
function statOf(pid: number): Stat | undefined {
  try {
    if (process.platform !== "linux") return statByPs(pid);
    // The name may hold spaces and parentheses.
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const end = stat.lastIndexOf(")");
    return { name: stat.slice(stat.indexOf("(") + 1, end), fields: stat.slice(end + 2).split(" ") };
  } catch {
    return undefined;
  }
}

function statByPs(pid: number): Stat | undefined {
  const line = execFileSync("ps", ["-o", "state=,ppid=,comm=", "-p", String(pid)], { encoding: "utf8" }).trim();
  const [, state, parent, command] = /^(\S+)\s+(\d+)\s+(.*)$/.exec(line) ?? [];
  return state === undefined ? undefined : { name: command!.split("/").at(-1)!, fields: [state, parent!] };
}
