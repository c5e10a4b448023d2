import { BallastError } from "../errors.ts";

/** What ends a run before its time. */
export interface Interrupts {
  /** Aborted, with an INTERRUPTED error as the reason, by Ctrl-C or a request to terminate. */
  readonly signal: AbortSignal;
  /** The work has ended: takes the handlers off again, or after an interruption sees to it that the process ends too. */
  release(): void;
}

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
const STATUS = 130;
/** How long connections may take to close after an interruption. */
const GRACE_MS = 1000;

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
      if (controller.signal.aborted) {
        setTimeout(() => process.exit(STATUS), GRACE_MS).unref();
        return;
      }
      for (const name of SIGNALS) process.off(name, onSignal);
    },
  };
}
