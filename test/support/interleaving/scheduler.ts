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
  readonly beforeTry: () => void;
  /** When the request went out. */
  readonly sentMs: number;
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
const MOST_LATE_MS = 50 * MINUTE_MS;
const MOST_STEPS = 20_000;

/** What becomes of requests that get lost on their way. */
export interface Lateness {
  /** How long after it went out a request may have its effect; default: what docs/cleanup.md argues for. */
  readonly mostLateMs?: number | undefined;
  /** How many of the requests to remove an object get lost; default: chance decides. */
  readonly drift?: number | undefined;
}

/**
 * Lets one of those go on whose next step is known, again and again: who it is, who sleeps, who dies, what gets lost
 * and when time leaps is all told by the seed. There is no other clock, and nothing happens but in a step.
 */
export class Scheduler {
  readonly random: () => number;
  nowMs = Date.UTC(2026, 0, 1);
  /** What happened, for whoever looks into a schedule. */
  readonly trace: string[] = [];
  readonly counts = { steps: 0, leaps: 0, died: 0, lost: 0, repeated: 0, late: 0 };
  readonly #steps: Step[] = [];
  /** What was asked for by somebody who waits for no answer any more, and is still on its way. */
  readonly #adrift: Step[] = [];
  readonly #mostLateMs: number;
  readonly #rates: { readonly stay: number; readonly stall: number; readonly leap: number; readonly die: number; readonly lose: number; readonly slow: number; readonly drift: number; readonly arrive: number };
  readonly #leapsMs: readonly number[];
  #last: Actor | undefined;

  constructor(seed: number, { mostLateMs = MOST_LATE_MS, drift }: Lateness = {}) {
    this.#mostLateMs = mostLateMs;
    this.random = chance(seed);
    const rate = (...rates: number[]): number => oneOf(this.random, rates);
    this.#rates = { stay: rate(0, 0.5, 0.9), stall: rate(0, 0.02, 0.1), leap: rate(0, 0.005, 0.03), die: rate(0, 0.001, 0.004), lose: rate(0, 0.002, 0.01), slow: rate(0, 0.05, 0.3), drift: drift ?? rate(0, 0.05, 0.5), arrive: rate(0.01, 0.05, 0.2) };
    this.#leapsMs = oneOf(this.random, LEAPS_MS);
  }

  /**
   * A request to the store, which may get lost, or its answer; or be sent twice, as an adapter tries again. What was lost may
   * arrive after all, when nobody waits for it any more.
   */
  async request<T>(actor: Actor, what: string, act: () => T, beforeTry: () => void = () => {}): Promise<T> {
    beforeTry();
    const sentMs = this.nowMs;
    // Whoever is stopped just now goes on with that request when it is woken.
    if (/^remove objects|page$/.test(what)) await this.dawdle(actor);
    return this.#enqueue(actor, what, "request", act, { beforeTry, sentMs });
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
    while (this.#adrift.length > 0) this.#arrive();
    if (left > this.counts.died) throw new Error("somebody waits for what never comes");
  }

  #enqueue<T>(actor: Actor, what: string, kind: Step["kind"], act: () => T, { beforeTry = () => {}, sentMs = this.nowMs } = {}): Promise<T> {
    return new Promise<T>((answer, fail) => {
      if (actor.dead) return;
      const stalled = this.random() < this.#rates.stall ? Math.floor(this.random() * 300) : 0;
      this.#steps.push({ actor, what, kind, act, beforeTry, sentMs, answer: answer as (value: unknown) => void, fail, stalled });
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
    if (this.#adrift.length > 0 && this.random() < this.#rates.arrive) return this.#arrive();
    const step = this.#choose();
    const { actor, what, kind, answer, fail } = step;
    this.#last = actor;
    const removes = what.startsWith("remove objects/");
    if (this.random() < (removes ? Math.max(this.#rates.die, this.#rates.drift / 3) : this.#rates.die)) return this.#die(step);
    const isLost = kind === "request" && this.random() < (removes ? this.#rates.drift : this.#rates.lose);
    const lost = isLost ? oneOf(this.random, ["request", "answer", "try", "answer to a try"] as const) : undefined;
    this.trace.push(`${actor.name}: ${what}${lost ? ` (lost: ${lost})` : ""}`);
    if (lost !== undefined) this.counts.lost += 1;
    try {
      const value = lost === "request" || lost === "try" ? this.#lose(step) : this.#act(step);
      if (lost === "request" || lost === "answer") return fail(unreachable());
      if (lost === undefined) return answer(value);
      // Its adapter asks once more.
      this.counts.repeated += 1;
      step.beforeTry();
      this.#steps.push({ ...step, sentMs: this.nowMs, stalled: 0 });
    } catch (error) {
      fail(error);
    }
  }

  /** @throws STORE_DENIED for a removal that went out too long ago, as a bucket does; a directory's remover was not stopped for so long */
  #act({ what, kind, act, sentMs }: Step): unknown {
    const isTooOld = kind === "request" && what.startsWith("remove objects/") && this.nowMs - sentMs > this.#mostLateMs;
    if (isTooOld) throw new BallastError("STORE_DENIED", "the request is too old");
    return act();
  }

  #lose(step: Step): void {
    if (/^(remove|write|replace) /.test(step.what)) this.#adrift.push(step);
  }

  /** One of the requests that nobody waits for has its effect. */
  #arrive(): void {
    const step = oneOf(this.random, this.#adrift);
    this.#adrift.splice(this.#adrift.indexOf(step), 1);
    if (this.nowMs - step.sentMs > this.#mostLateMs) return;
    this.counts.late += 1;
    this.trace.push(`late, from ${step.actor.name}: ${step.what}`);
    step.act();
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
  #die(step: Step): void {
    const { actor, what } = step;
    actor.dead = true;
    this.counts.died += 1;
    const how = oneOf(this.random, ["before", "after", "while it asks for"] as const);
    this.trace.push(`${actor.name} dies ${how}: ${what}`);
    if (how === "while it asks for") this.#lose(step);
    if (how === "after") {
      try {
        this.#act(step);
      } catch (error) {
        // Nobody is told, unless it concerns everybody.
        if (error instanceof Error && !(error instanceof BallastError)) throw error;
      }
    }
    for (const other of this.#steps.filter((one) => one.actor === actor)) {
      this.#steps.splice(this.#steps.indexOf(other), 1);
      this.#lose(other);
    }
  }
}

function unreachable(): BallastError {
  return new BallastError("STORE_UNREACHABLE", "no answer");
}
