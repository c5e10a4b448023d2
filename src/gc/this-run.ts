import { randomBytes } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { gitProcessesAbove, isGone, thisProcessName, type ProcessName } from "../util/process-name.ts";

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

/** This process, with the clocks and the chance of its machine. */
export function thisRun(): ThisRun {
  return {
    newId: () => randomBytes(16).toString("hex"),
    nowMs: Date.now,
    steadyMs: () => performance.now(),
    pause: async (ms, signal) => {
      await delay(ms, undefined, { signal }).catch(() => signal.throwIfAborted());
    },
    process: thisProcessName(),
    parents: gitProcessesAbove(),
    isGone,
  };
}
