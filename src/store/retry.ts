import { setTimeout as pause } from "node:timers/promises";
import { silent, type Report } from "../events.ts";

/** Whether a failure is worth another try, and when. */
export interface Verdict {
  /** `busy` is for a server that asks for patience: the pauses are longer. */
  readonly again: "no" | "soon" | "busy";
  /** The least pause, as the server asked for it. */
  readonly afterMs?: number;
  /** What the `retry` event says, in a few words. */
  readonly reason: string;
}

export interface RetryOptions {
  /** What is tried, for the `retry` event. */
  readonly what: string;
  /** Tries in all, the first included. */
  readonly attempts: number;
  readonly judge: (error: unknown) => Verdict;
  readonly report?: Report;
  readonly signal?: AbortSignal | undefined;
  readonly timing?: Timing;
}

/** Clock and chance, so that a test can give its own. */
export interface Timing {
  /** Waits; rejects on an abort. */
  readonly pause: (ms: number, signal: AbortSignal | undefined) => Promise<unknown>;
  /** From 0 up to and without 1. */
  readonly random: () => number;
}

/** The pause before the n-th retry is chance times the lesser of `firstMs * 2 ** (n - 1)` and `mostMs`. */
export const PAUSES = {
  soon: { firstMs: 200, mostMs: 10_000 },
  busy: { firstMs: 1_000, mostMs: 30_000 },
} as const;

const MOST_ASKED_MS = 60_000;
const realTiming: Timing = { pause: (ms, signal) => pause(ms, undefined, signal ? { signal } : {}), random: Math.random };

/**
 * Calls `operation` until it succeeds, fails for good or has been tried `attempts` times, with pauses of full jitter
 * between ("Exponential Backoff And Jitter", AWS Architecture Blog).
 * @throws the last failure as it came, or the signal's reason
 */
export async function retry<T>(operation: (attempt: number) => Promise<T>, options: RetryOptions): Promise<T> {
  const backoff = new Backoff(options);
  for (;;) {
    options.signal?.throwIfAborted();
    try {
      return await operation(backoff.attempt);
    } catch (error) {
      await backoff.failed(error);
    }
  }
}

/** The same for work that goes on where it broke: whoever makes progress gets all tries anew. */
export class Backoff {
  /** The number of the present try, from 1. */
  attempt = 1;
  readonly #options: RetryOptions;

  constructor(options: RetryOptions) {
    this.#options = options;
  }

  /** Something of the whole was done since the last failure. */
  progressed(): void {
    this.attempt = 1;
  }

  /** Returns when it is time for the next try. @throws the failure when there is none, or the signal's reason */
  async failed(error: unknown): Promise<void> {
    const { what, attempts, judge, report = silent, signal, timing = realTiming } = this.#options;
    signal?.throwIfAborted();
    const verdict = judge(error);
    if (verdict.again === "no" || this.attempt >= attempts) throw error;
    const { firstMs, mostMs } = PAUSES[verdict.again];
    const jitterMs = timing.random() * Math.min(mostMs, firstMs * 2 ** (this.attempt - 1));
    const delayMs = Math.round(Math.max(jitterMs, Math.min(verdict.afterMs ?? 0, MOST_ASKED_MS)));
    report({ kind: "retry", what, attempt: this.attempt, delayMs, reason: verdict.reason });
    this.attempt += 1;
    try {
      await timing.pause(delayMs, signal);
    } catch (failure) {
      signal?.throwIfAborted();
      throw failure;
    }
  }
}
