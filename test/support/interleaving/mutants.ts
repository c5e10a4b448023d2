import { CLAIM_MS } from "../../../src/cleanup/fold.ts";
import { BallastError } from "../../../src/errors.ts";
import { parseRecord, SWEEPS_PREFIX } from "../../../src/gc/records.ts";
import { parseRecordKey, REMOVAL_PREFIX } from "../../../src/gc/removal-record.ts";
import type { ThisRun } from "../../../src/gc/this-run.ts";
import type { Oid } from "../../../src/object/oid.ts";
import type { Entry, Store, StoredObject } from "../../../src/store/port.ts";
import type { Kind, Mutant } from "./actors.ts";
import type { CASTS } from "./play.ts";
import type { Lateness } from "./scheduler.ts";

const WEEK_MS = 8 * 24 * 3600 * 1000;
const { signal } = new AbortController();

/** A broken protocol, and who must act so that it shows. */
export interface Broken extends Lateness {
  readonly cast?: keyof typeof CASTS;
  readonly mutant?: Mutant;
}

/** The protocol with one step left out or misplaced, by the names that docs/cleanup.md gives the steps. */
export const MUTANTS: Readonly<Record<string, Broken>> = {
  "P1, no claim is seen": only("cleaner", ({ store }) => ({ store: hiding(store, ({ key }) => key.includes("/push-")) })),
  "P1 after P3, the claim is written after the look": only("pusher", ({ store }) => ({ store: lateClaim(store) })),
  "P2, announcements are not seen": only("pusher", ({ store }) => ({ store: hiding(store, ({ key }) => key.startsWith("gc/sweeps/")) })),
  "P2 after P3, the look comes before the wait": only("pusher", ({ store }) => ({ store: earlyLook(store) })),
  "P5, the claim is not renewed": only("pusher", ({ store }) => ({ store: oneClaim(store) })),
  "C1 after C2, the announcement comes after the collection": only("cleaner", (means) => {
    let held: (() => Promise<void>) | undefined;
    const store: Store = { ...means.store, replace: async (key, content) => void (key.startsWith("gc/sweeps/") ? (held = () => means.store.replace(key, content)) : await means.store.replace(key, content)) };
    const needs = async (): Promise<Set<Oid>> => {
      if (held) await slowly(means.run, 3);
      await held?.();
      return means.knowledge.needs();
    };
    return { store, knowledge: { ...means.knowledge, needs } };
  }),
  "C3 before C2, refs are fetched before claims are collected": only("cleaner", ({ store, knowledge }, world, actor) => {
    let early: Set<Oid> | undefined;
    let surveys = 0;
    const before: Store = {
      ...store,
      replace: async (key, content) => {
        if (key.startsWith("gc/clock.")) early = await knowledge.needs();
        if (key.startsWith("gc/clock.") && surveys++ === 0) await world.scheduler.moment(actor, "a week goes by", () => void (world.scheduler.nowMs += WEEK_MS));
        await store.replace(key, content);
      },
    };
    return { store: before, knowledge: { ...knowledge, needs: async () => early! } };
  }, "foreign cleaner"),
  "C3, the bases of what is live are not followed": only("cleaner", ({ store }) => ({ store: baseless(store) })),
  "C4, nobody looks at the clock": only("cleaner", ({ run }) => ({ run: { ...run, nowMs: () => 0, steadyMs: () => 0 } })),
  "C5 before C4, the announcement ends before the removals": only("cleaner", ({ store }) => {
    let announced: string | undefined;
    const replace: Store["replace"] = async (key, content) => {
      if (key.startsWith("gc/sweeps/")) announced = key;
      await store.replace(key, content);
    };
    const remove: Store["remove"] = async (key) => {
      if (key.startsWith("objects/") && announced) await store.remove(announced);
      await store.remove(key);
    };
    return { store: { ...store, replace, remove } };
  }),
  "C4, a claim that is a week old does not count": only("cleaner", ({ store }, world) => ({
    store: hiding(store, ({ key, modifiedMs }) => key.includes("/push-") && world.scheduler.nowMs - modifiedMs > CLAIM_MS),
  })),
  "C6, no live list": only("cleaner", ({ store }) => ({ store: dropping(store, "/live-") }), "foreign cleaner"),
  "a repack claims nothing": {
    cast: "one repacker",
    mutant: (kind, { store, run }, world, actor) => {
      if (kind === "repacker") return { store: dropping(store, "gc/claims/") };
      if (kind !== "cleaner") return {};
      const remove = async (key: string): Promise<void> => {
        if (key.startsWith("objects/")) {
          await world.scheduler.moment(actor, "is taken for dead", () => void (world.scheduler.nowMs += 40 * 60_000));
          await slowly(run, 5);
        }
        await store.remove(key);
      };
      return { store: { ...store, remove } };
    },
  },
  "C4, the clock is not looked at before another try": adrift("many cleaners", only("cleaner", ({ store }) => ({ store: checkedOnce(store) }))),
  "C5, the announcement ends although a removal has no answer": adrift("many cleaners", only("cleaner", ({ store }) => ({ store: announcedOnce(store) }))),
  "P2, what a dead cleanup has left pending is not seen": adrift("many cleaners", only("pusher", ({ store }) => ({ store: hiding(store, ({ key }) => key.startsWith(REMOVAL_PREFIX)) }))),
  "a repack forgets what another has left pending": adrift("many repackers", only("repacker", ({ store }) => ({ store: forgetful(store) }))),
  "requests to remove arrive however late": { ...adrift("many cleaners"), mostLateMs: Infinity },
  "requests of a repack arrive however late": { ...adrift("many repackers"), mostLateMs: Infinity },
  "a repack does not see that another removes": only("repacker", ({ store }) => ({ store: alone(store) }), "two repackers"),
};

type Change = (...args: Parameters<Mutant> extends [Kind, ...infer Rest] ? Rest : never) => ReturnType<Mutant>;

function only(kind: Kind, change: Change, cast?: keyof typeof CASTS): Broken {
  return { mutant: (each, ...rest) => (each === kind ? change(...rest) : {}), ...(cast && { cast }) };
}

/** Many requests to remove get lost on their way, and may arrive after all. */
function adrift(cast: keyof typeof CASTS, broken: Broken = {}): Broken {
  return { ...broken, cast, drift: 0.5 };
}

/** Waits, for minutes at most, while others go on. */
async function slowly(run: ThisRun, times: number): Promise<void> {
  for (let i = 0; i < times; i++) await run.pause(500, signal);
}

function hiding(store: Store, hides: (entry: Entry) => boolean): Store {
  return {
    ...store,
    async *list(prefix) {
      for await (const entry of store.list(prefix)) if (!hides(entry)) yield entry;
    },
  };
}

function dropping(store: Store, part: string): Store {
  return { ...store, replace: async (key, content) => (key.includes(part) ? undefined : store.replace(key, content)) };
}

/** The claim is held back until the first look; whether it lasted is asked after that. */
function lateClaim(store: Store): Store {
  let held: (() => Promise<void>) | undefined;
  let looks = 0;
  return {
    ...store,
    replace: async (key, content) => {
      if (key.startsWith("gc/claims/") && looks === 0) held = () => store.replace(key, content);
      else await store.replace(key, content);
    },
    find: async (oids) => {
      const found = await store.find(oids);
      looks += 1;
      await held?.();
      held = undefined;
      return found;
    },
  };
}

/** What is there is looked up when the sweeps are, just before them. */
function earlyLook(store: Store): Store {
  let seen: Map<string, StoredObject[]> | undefined;
  let claimed: readonly Oid[] = [];
  return {
    ...store,
    replace: async (key, content) => {
      await store.replace(key, content);
      claimed = parseRecord(Buffer.from(content).toString())?.oids ?? [];
    },
    async *list(prefix) {
      if (prefix === "gc/sweeps/") seen ??= await store.find(claimed);
      yield* store.list(prefix);
    },
    find: async (oids) => {
      const wanted = [...oids];
      const found = await store.find(wanted);
      for (const oid of wanted) if (seen?.has(oid)) found.set(oid, seen.get(oid)!);
      return found;
    },
  };
}

/** Of all claims the first alone is written, and it is always said to have lasted. */
function oneClaim(store: Store): Store {
  let first: string | undefined;
  return {
    ...store,
    replace: async (key, content) => {
      if (key.startsWith("gc/claims/") && first !== undefined) return;
      if (key.startsWith("gc/claims/")) first = key;
      await store.replace(key, content);
    },
    async *list(prefix) {
      if (prefix === first) yield { key: prefix, sizeBytes: 0, modifiedMs: 0 };
      else yield* store.list(prefix);
    },
    remove: async (key) => (key === first ? undefined : store.remove(key)),
  };
}

/** Every object is taken for whole in a listing. */
function baseless(store: Store): Store {
  return {
    ...store,
    async *list(prefix) {
      for await (const entry of store.list(prefix)) {
        const whole = prefix === "objects/" ? entry.key.replace(/\.[0-9a-f]{64}\.xd3$/, "") : entry.key;
        if (whole === entry.key) yield entry;
      }
    },
  };
}

/** Whoever tries again does not ask whether that is still right. */
function checkedOnce(store: Store): Store {
  return {
    ...store,
    remove: (key, until, beforeTry) => {
      let tries = 0;
      return store.remove(key, until, () => (tries++ === 0 ? beforeTry?.() : undefined));
    },
  };
}

function announcedOnce(store: Store): Store {
  let announced = 0;
  return { ...store, replace: async (key, content) => (key.startsWith(SWEEPS_PREFIX) && announced++ > 0 ? undefined : store.replace(key, content)) };
}

/** Of all removal records, the one that counts is seen alone. */
function forgetful(store: Store): Store {
  return {
    ...store,
    async *list(prefix) {
      const entries: Entry[] = [];
      for await (const entry of store.list(prefix)) entries.push(entry);
      if (prefix !== REMOVAL_PREFIX) yield* entries;
      else yield* entries.sort((a, b) => parseRecordKey(b.key)! - parseRecordKey(a.key)!).slice(0, 1);
    },
  };
}

/** Whatever removal record there is, it is one's own. */
function alone(store: Store): Store {
  const mine = new Map<string, Uint8Array>();
  return {
    ...store,
    async *list(prefix) {
      if (prefix !== "gc/removal.") return yield* store.list(prefix);
      for (const key of mine.keys()) yield { key, sizeBytes: 0, modifiedMs: 0 };
    },
    async *read(key, range, signal) {
      if (!key.startsWith("gc/removal.")) return yield* store.read(key, range, signal);
      const content = mine.get(key);
      if (!content) throw new BallastError("OBJECT_MISSING", key);
      yield content;
    },
    write: async (key, source) => {
      if (!key.startsWith("gc/removal.")) return store.write(key, source);
      const chunks: Uint8Array[] = [];
      for await (const chunk of source.open({ start: 0, end: source.sizeBytes })) chunks.push(chunk);
      mine.set(key, Buffer.concat(chunks));
      return "created";
    },
    replace: async (key, content) => (key.startsWith("gc/removal.") ? void mine.set(key, content) : store.replace(key, content)),
  };
}
