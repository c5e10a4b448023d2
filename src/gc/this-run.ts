import { randomBytes } from "node:crypto";
import { readFileSync, readlinkSync } from "node:fs";
import { hostname } from "node:os";
import { setTimeout as delay } from "node:timers/promises";

/** What a run needs from its machine: chance, clocks, and which process it is. */
export interface ThisRun {
  /** A name that nobody else ever uses: 32 hex digits. */
  newId(): string;
  /** The wall clock, in milliseconds. It is only ever compared with itself. */
  nowMs(): number;
  /** A clock that nobody sets, in milliseconds; it may stand still while the machine sleeps. */
  steadyMs(): number;
  pause(ms: number, signal: AbortSignal): Promise<void>;
  readonly process: ProcessName;
  /** The Git processes that started it; what it has uploaded may be published until they have ended, too. */
  readonly parents: readonly ProcessName[];
  /** Whether a process is surely gone; false where that cannot be known, as for one of another machine. */
  isGone(process: ProcessName): boolean;
}

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

/** The process that a record names; undefined where it names none that could be told from others. */
export function parseProcess(value: unknown): ProcessName | undefined {
  const { host, machine, pid, started } = (value ?? {}) as Record<string, unknown>;
  if (typeof host !== "string" || typeof machine !== "string" || typeof started !== "string" || !Number.isSafeInteger(pid)) return undefined;
  return { host, machine, started, pid: pid as number };
}

/** This process, with the clocks and the chance of its machine. */
export function thisRun(): ThisRun {
  const machine = machineName();
  const nameOf = (pid: number): ProcessName => ({ host: hostname(), machine, pid, started: startOf(pid) });
  return {
    newId: () => randomBytes(16).toString("hex"),
    nowMs: Date.now,
    steadyMs: () => performance.now(),
    pause: async (ms, signal) => {
      await delay(ms, undefined, { signal }).catch(() => signal.throwIfAborted());
    },
    process: nameOf(process.pid),
    parents: gitAbove(process.pid).map(nameOf),
    isGone: (other) => machine !== undefined && other.machine === machine && other.started !== undefined && startOf(other.pid) !== other.started,
  };
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
  const fields = statOf(pid)?.fields;
  // A killed process that nobody has waited for does nothing more.
  return fields === undefined || fields[0] === "Z" || fields[0] === "X" ? undefined : fields[19];
}

/** The Git processes that a process descends from. */
function gitAbove(pid: number): number[] {
  const found: number[] = [];
  for (let at = statOf(pid); at !== undefined; ) {
    const parent = Number(at.fields[1]);
    at = parent > 1 ? statOf(parent) : undefined;
    if (at?.name.startsWith("git")) found.push(parent);
  }
  return found;
}

/** A process's name, and its fields from the state on (proc(5)): the name may hold spaces and parentheses. */
function statOf(pid: number): { readonly name: string; readonly fields: readonly string[] } | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const end = stat.lastIndexOf(")");
    return { name: stat.slice(stat.indexOf("(") + 1, end), fields: stat.slice(end + 2).split(" ") };
  } catch {
    return undefined;
  }
}
