import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Event } from "../../../src/events.ts";
import { Backoff, PAUSES, retry, type RetryOptions, type Timing, type Verdict } from "../../../src/store/retry.ts";

/** A clock that only notes how long it was asked to wait. */
function fakeTiming(random: () => number = () => 0.5): Timing & { pauses: number[] } {
  const pauses: number[] = [];
  return {
    pauses,
    random,
    async pause(ms, signal) {
      signal?.throwIfAborted();
      pauses.push(ms);
    },
  };
}

function options(changes: Partial<RetryOptions> = {}): RetryOptions {
  return { what: "write x", attempts: 4, judge: () => ({ again: "soon", reason: "it broke" }), timing: fakeTiming(), ...changes };
}

/** Fails so often, then returns the number of the try. */
function failing(times: number, error: unknown = new Error("it broke")): (attempt: number) => Promise<number> {
  let calls = 0;
  return async (attempt) => {
    if (++calls <= times) throw error;
    return attempt;
  };
}

describe("retry", () => {
  it("returns the first success", async () => {
    const timing = fakeTiming();
    expect(await retry(failing(0), options({ timing }))).toBe(1);
    expect(timing.pauses).toEqual([]);
  });

  it("tries again after failures that may pass", async () => {
    expect(await retry(failing(3), options())).toBe(4);
  });

  it("throws the last failure when all tries are used up", async () => {
    const error = new Error("still broken");
    const timing = fakeTiming();
    await expect(retry(failing(99, error), options({ timing }))).rejects.toBe(error);
    expect(timing.pauses).toHaveLength(3);
  });

  it("does not try again what cannot succeed", async () => {
    const error = new Error("denied");
    const timing = fakeTiming();
    await expect(retry(failing(1, error), options({ timing, judge: () => ({ again: "no", reason: "denied" }) }))).rejects.toBe(error);
    expect(timing.pauses).toEqual([]);
  });

  it("doubles the span from which a pause is drawn, up to a bound", async () => {
    const timing = fakeTiming(() => 0.5);
    await retry(failing(9), options({ timing, attempts: 10 }));
    const { firstMs, mostMs } = PAUSES.soon;
    expect(timing.pauses).toEqual(Array.from({ length: 9 }, (_, i) => Math.min(mostMs, firstMs * 2 ** i) / 2));
  });

  it("draws a pause from the whole span: full jitter", async () => {
    await fc.assert(
      fc.asyncProperty(fc.double({ min: 0, max: 0.999, noNaN: true }), fc.constantFrom("soon" as const, "busy" as const), async (chance, again) => {
        const timing = fakeTiming(() => chance);
        await retry(failing(5), options({ timing, attempts: 6, judge: () => ({ again, reason: "" }) }));
        const { firstMs, mostMs } = PAUSES[again];
        expect(timing.pauses).toEqual(Array.from({ length: 5 }, (_, i) => Math.round(chance * Math.min(mostMs, firstMs * 2 ** i))));
      }),
    );
  });

  it("waits longer for a store that is busy", async () => {
    const [soon, busy] = [fakeTiming(), fakeTiming()];
    await retry(failing(3), options({ timing: soon }));
    await retry(failing(3), options({ timing: busy, judge: () => ({ again: "busy", reason: "slow down" }) }));
    expect(busy.pauses.every((ms, i) => ms > soon.pauses[i]!)).toBe(true);
  });

  it("waits at least as long as the store asks for, but not for hours", async () => {
    for (const [afterMs, expected] of [[7_000, 7_000], [10 * 3600 * 1000, 60_000]] as const) {
      const timing = fakeTiming();
      const verdict: Verdict = { again: "busy", reason: "slow down", afterMs };
      await retry(failing(1), options({ timing, judge: () => verdict }));
      expect(timing.pauses).toEqual([expected]);
    }
  });

  it("reports every retry", async () => {
    const events: Event[] = [];
    await retry(failing(2), options({ report: (event) => events.push(event) }));
    expect(events).toEqual([
      { kind: "retry", what: "write x", attempt: 1, delayMs: PAUSES.soon.firstMs / 2, reason: "it broke" },
      { kind: "retry", what: "write x", attempt: 2, delayMs: PAUSES.soon.firstMs, reason: "it broke" },
    ]);
  });

  it("ends with the reason of an abort: before, during and between tries", async () => {
    const reason = new Error("enough");
    const before = AbortSignal.abort(reason);
    await expect(retry(failing(0), options({ signal: before }))).rejects.toBe(reason);

    const during = new AbortController();
    const interrupted = async (): Promise<never> => {
      during.abort(reason);
      throw new Error("the connection was closed");
    };
    await expect(retry(interrupted, options({ signal: during.signal }))).rejects.toBe(reason);

    const between = new AbortController();
    setTimeout(() => between.abort(reason), 20);
    const { timing: _, ...realClock } = options({ signal: between.signal, judge: () => ({ again: "busy", reason: "", afterMs: 50_000 }) });
    const startedMs = performance.now();
    await expect(retry(failing(1), realClock)).rejects.toBe(reason);
    expect(performance.now() - startedMs).toBeLessThan(10_000);
  });
});

describe("Backoff", () => {
  it("gives all tries anew to whoever makes progress", async () => {
    const backoff = new Backoff(options({ attempts: 2 }));
    const error = new Error("it broke");
    for (let i = 0; i < 10; i++) {
      await backoff.failed(error);
      backoff.progressed();
    }
    await backoff.failed(error);
    await expect(backoff.failed(error)).rejects.toBe(error);
  });
});
