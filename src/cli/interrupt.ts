import { BallastError } from "../errors.ts";

/** What ends a run before its time. */
export interface Interrupts {
  /** Aborted, with an INTERRUPTED error as the reason, by Ctrl-C or a request to terminate. */
  readonly signal: AbortSignal;
  /** Takes the handlers off again. */
  release(): void;
}

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
const STATUS = 130;

/** The first signal lets the work that is under way end in order; the second ends the process at once. */
export function watchInterrupts(process: NodeJS.Process): Interrupts {
  const controller = new AbortController();
  const onSignal = (): void => {
    if (controller.signal.aborted) process.exit(STATUS);
    controller.abort(
      new BallastError("INTERRUPTED", "interrupted; nothing is left half-done", { hint: "run the same command again to continue where it stopped" }),
    );
  };
  for (const name of SIGNALS) process.on(name, onSignal);
  return {
    signal: controller.signal,
    release: () => {
      for (const name of SIGNALS) process.off(name, onSignal);
    },
  };
}
