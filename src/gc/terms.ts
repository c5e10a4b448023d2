import type { ThisRun } from "./this-run.ts";

/** Whoever has announced or published what it removes asks for nothing more after so long, by its own clocks. */
export const SWEEP_MS = 30 * 60 * 1000;
/**
 * Nobody reckons any longer with what was announced or published so long ago, by the store's clock: what was asked for
 * within {@link SWEEP_MS} has had its effect by then, or never will (docs/cleanup.md, "Requests that arrive late").
 */
export const LAPSE_MS = 2 * 3600 * 1000;

/** A time in which something may be asked for. */
export interface Term {
  /** Whether it is not over by either clock of this machine. */
  isCurrent(): boolean;
}

/** Begins a term of {@link SWEEP_MS}: before what it goes with is written, since writing may take long. */
export function beginTerm(clocks: Pick<ThisRun, "nowMs" | "steadyMs">): Term {
  const began = { wallMs: clocks.nowMs(), steadyMs: clocks.steadyMs() };
  return {
    isCurrent: () => {
      const wallMs = clocks.nowMs() - began.wallMs;
      // A clock that was set back tells nothing good.
      return wallMs >= 0 && wallMs < SWEEP_MS && clocks.steadyMs() - began.steadyMs < SWEEP_MS;
    },
  };
}
