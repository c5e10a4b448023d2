import { BallastError } from "../../../src/errors.ts";
import { chance, oneOf } from "../chance.ts";

/** One who acts: a process on some machine. */
export interface Actor {
  readonly name: string;
  readonly machine: string;
  readonly pid: number;
  dead: boolean;
}

/** Something that an actor has asked for and that has had no effect yet. */
interface Step {
  readonly actor: Actor;
  readonly what: string;
  readonly kind: "request" | "moment" | "pause";
  readonly act: () => unknown;
  readonly answer: (value: unknown) => void;
  readonly fail: (error: unknown) => void;
  /** How many others may go before it. */
  stalled: number;
}

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const WEEK_MS = 8 * 24 * HOUR_MS;
/** How long leaps of time are: around the protocol's terms, of all or of some. */
const LEAPS_MS = [
  [20 * MINUTE_MS, 31 * MINUTE_MS, 50 * MINUTE_MS, 125 * MINUTE_MS, WEEK_MS],
  [31 * MINUTE_MS, 50 * MINUTE_MS],
  [WEEK_MS],
];
const MOST_STEPS = 20_000;

/**
 * Lets one of those go on whose next step is known, again and again: who it is, who sleeps, who dies, what gets lost
 * and when time leaps is all told by the seed. There is no other clock, and nothing happens but in a step.
 */
export class Scheduler {
  readonly random: () => number;
  nowMs = Date.UTC(2026, 0, 1);
  /** What happened, for whoever looks into a schedule. */
  readonly trace: string[] = [];
  readonly counts = { steps: 0, leaps: 0, died: 0, lost: 0, repeated: 0 };
  readonly #steps: Step[] = [];
  readonly #rates: { readonly stay: number; readonly stall: number; readonly leap: number; readonly die: number; readonly lose: number; readonly slow: number };
  readonly #leapsMs: readonly number[];
  #last: Actor | undefined;

  constructor(seed: number) {
    this.random = chance(seed);
    const rate = (...rates: number[]): number => oneOf(this.random, rates);
    this.#rates = { stay: rate(0, 0.5, 0.9), stall: rate(0, 0.02, 0.1), leap: rate(0, 0.005, 0.03), die: rate(0, 0.001, 0.004), lose: rate(0, 0.002, 0.01), slow: rate(0, 0.05, 0.3) };
    this.#leapsMs = oneOf(this.random, LEAPS_MS);
  }

  /** A request to the store, which may get lost, or its answer; or be sent twice, as an adapter tries again. */
  request<T>(actor: Actor, what: string, act: () => T): Promise<T> {
    return this.#enqueue(actor, what, "request", act);
  }

  /** Time that a request takes on its way, now and then: as long as a leap. */
  async dawdle(actor: Actor): Promise<void> {
    if (this.random() < this.#rates.slow) await this.moment(actor, "dawdles", () => (this.nowMs += oneOf(this.random, this.#leapsMs)));
  }

  /** Something that an actor does and that cannot fail by itself. */
  moment<T>(actor: Actor, what: string, act: () => T): Promise<T> {
    return this.#enqueue(actor, what, "moment", act);
  }

  /** An actor waits for so long or longer. */
  async pause(actor: Actor, ms: number): Promise<void> {
    await this.#enqueue(actor, `pause ${ms}`, "pause", () => (this.nowMs += ms * (1 + Math.floor(this.random() * 200))));
  }

  /** Goes on until all have ended or died. @throws what one of them throws */
  async play(doing: readonly Promise<void>[]): Promise<void> {
    let failure: { readonly error: unknown } | undefined;
    let left = doing.length;
    for (const one of doing) one.then(() => (left -= 1), (error: unknown) => (failure ??= { error }));
    for (let idle = 0; idle < 3; ) {
      // All that can go on by itself has done so after this.
      await new Promise(setImmediate);
      if (failure) throw failure.error;
      if (this.#steps.length === 0) {
        idle += 1;
        continue;
      }
      idle = 0;
      if (++this.counts.steps > MOST_STEPS) throw new Error("there is no end");
      this.#next();
    }
    if (left > this.counts.died) throw new Error("somebody waits for what never comes");
  }

  #enqueue<T>(actor: Actor, what: string, kind: Step["kind"], act: () => T): Promise<T> {
    return new Promise<T>((answer, fail) => {
      if (actor.dead) return;
      const stalled = this.random() < this.#rates.stall ? Math.floor(this.random() * 300) : 0;
      this.#steps.push({ actor, what, kind, act, answer: answer as (value: unknown) => void, fail, stalled });
    });
  }

  #next(): void {
    this.nowMs += 10;
    if (this.random() < this.#rates.leap) {
      this.counts.leaps += 1;
      const ms = oneOf(this.random, this.#leapsMs);
      this.nowMs += ms;
      this.trace.push(`${ms / MINUTE_MS} minutes go by`);
    }
    const step = this.#choose();
    const { actor, what, kind, act, answer, fail } = step;
    this.#last = actor;
    if (this.random() < this.#rates.die) return this.#die(step);
    const lost = kind === "request" && this.random() < this.#rates.lose ? oneOf(this.random, ["request", "answer", "both"] as const) : undefined;
    this.trace.push(`${actor.name}: ${what}${lost ? ` (lost: ${lost})` : ""}`);
    if (lost === "request") {
      this.counts.lost += 1;
      return fail(unreachable());
    }
    try {
      const value = act();
      if (lost === "answer") {
        this.counts.lost += 1;
        return fail(unreachable());
      }
      if (lost === "both") {
        // Its adapter asks once more.
        this.counts.repeated += 1;
        this.#steps.push({ ...step, stalled: 0 });
        return;
      }
      answer(value);
    } catch (error) {
      fail(error);
    }
  }

  /** Takes the step that is next; pauses only now and then, unless there is nothing else. */
  #choose(): Step {
    const steps = this.#steps;
    const awake = steps.filter((step) => step.stalled-- <= 0);
    const busy = awake.filter(({ kind }) => kind !== "pause");
    const from = busy.length > 0 && this.random() < 0.9 ? busy : awake.length > 0 ? awake : steps;
    const same = this.random() < this.#rates.stay ? from.filter(({ actor }) => actor === this.#last) : [];
    const step = oneOf(this.random, same.length > 0 ? same : from);
    steps.splice(steps.indexOf(step), 1);
    return step;
  }

  /** What the actor has asked for last may have been done, or not. */
  #die({ actor, what, act }: Step): void {
    actor.dead = true;
    this.counts.died += 1;
    const done = this.random() < 0.5;
    this.trace.push(`${actor.name} dies ${done ? "after" : "before"}: ${what}`);
    if (done) {
      try {
        act();
      } catch {
        // Nobody is told.
      }
    }
    for (const other of this.#steps.filter((one) => one.actor === actor)) this.#steps.splice(this.#steps.indexOf(other), 1);
  }
}

function unreachable(): BallastError {
  return new BallastError("STORE_UNREACHABLE", "no answer");
}
