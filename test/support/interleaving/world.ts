import { setMaxListeners } from "node:events";
import { DEFAULTS } from "../../../src/config/settings.ts";
import type { Context } from "../../../src/context.ts";
import { silent } from "../../../src/events.ts";
import type { ThisRun } from "../../../src/gc/this-run.ts";
import type { Oid } from "../../../src/object/oid.ts";
import type { Store } from "../../../src/store/port.ts";
import { isPromised, type Contents } from "./contents.ts";
import { storeOver, type Files } from "./objects.ts";
import { Scheduler, type Actor, type Lateness } from "./scheduler.ts";

/** What a branch leads to: a history of commits that need these contents. */
export interface Tip {
  readonly needs: ReadonlySet<Oid>;
}

/** A published commit needs what the store has not. */
export class Lost extends Error {}

const HOUR_MS = 3_600_000;

/** The store, the Git remotes, and those who act on them. */
export class World {
  readonly scheduler: Scheduler;
  readonly contents: Contents;
  readonly files: Files = new Map();
  /** By `<repository>/<branch>`. */
  readonly refs = new Map<string, Tip>();
  readonly signal: AbortSignal;
  readonly counts = { published: 0, abandoned: 0, refused: 0, removed: 0, waits: 0, again: 0, rewritten: 0, fetched: 0, unlucky: 0, failed: 0 };
  #actors: Actor[] = [];
  #ids = 0;

  constructor(seed: number, contents: Contents, lateness: Lateness = {}) {
    this.scheduler = new Scheduler(seed, lateness);
    this.contents = { ...contents, oids: contents.oids.slice(0, 1 + Math.floor(this.scheduler.random() * contents.oids.length)) };
    const controller = new AbortController();
    setMaxListeners(0, controller.signal);
    this.signal = controller.signal;
  }

  get context(): Context {
    const settings = { ...DEFAULTS, concurrency: 2 };
    return { settings, report: silent, signal: this.signal } as unknown as Context;
  }

  actor(name: string, machine: string): Actor {
    const actor = { name, machine, pid: this.#actors.length + 1, dead: false };
    this.#actors.push(actor);
    return actor;
  }

  /** The store as an actor reaches it. */
  storeOf(actor: Actor): Store {
    const { scheduler } = this;
    return storeOver(this.files, {
      nowMs: () => scheduler.nowMs,
      cutAt: (count) => (scheduler.random() < 0.4 ? Math.floor(scheduler.random() * (count + 1)) : count),
      request: (what, act, beforeTry) =>
        scheduler.request(
          actor,
          what,
          () => {
            const before = this.files.size;
            const answer = act();
            if (what.startsWith("remove objects/")) {
              this.counts.removed += before - this.files.size;
              this.requireAll();
            }
            return answer;
          },
          beforeTry,
        ),
    });
  }

  /** The machine of an actor: its clock may be off by a day, and one of its clocks may stand still while time leaps. */
  runOf(actor: Actor): ThisRun {
    const { scheduler } = this;
    const offMs = Math.floor((scheduler.random() * 2 - 1) * 24 * HOUR_MS);
    const sleepy = scheduler.random() < 0.5;
    let pausedMs = 0;
    return {
      newId: () => (++this.#ids).toString(16).padStart(32, "0"),
      nowMs: () => scheduler.nowMs + offMs,
      steadyMs: () => (sleepy ? pausedMs : scheduler.nowMs),
      pause: async (ms) => {
        pausedMs += ms;
        if (actor.name.startsWith("pusher")) this.counts.waits += 1;
        await scheduler.pause(actor, ms);
      },
      process: { host: actor.machine, machine: actor.machine, pid: actor.pid, started: "1" },
      parents: [],
      isGone: ({ machine, pid }) => machine === actor.machine && this.#actors[pid - 1]?.dead === true,
    };
  }

  /** What the branches of a repository need. */
  needsOf(repository: string): Set<Oid> {
    return new Set([...this.refs].filter(([ref]) => ref.startsWith(`${repository}/`)).flatMap(([, { needs }]) => [...needs]));
  }

  /** @throws {@link Lost} */
  requireAll(): void {
    for (const [ref, { needs }] of this.refs) {
      for (const oid of needs) if (!isPromised(this.files, oid)) throw new Lost(`${ref} needs ${oid.slice(0, 8)}, which is gone`);
    }
  }
}
