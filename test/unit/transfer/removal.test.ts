import fc from "fast-check";
import { expect, test } from "vitest";
import { BallastError, isBallastError } from "../../../src/errors.ts";
import { objectKey, parseKey, parseName } from "../../../src/object/name.ts";
import { parseOid, type Oid } from "../../../src/object/oid.ts";
import type { Entry, Store, StoredObject } from "../../../src/store/port.ts";
import { decodableWithout, takeRemoval, type RemovalOptions } from "../../../src/transfer/removal.ts";
import { parseRecord } from "../../../src/gc/removal-record.ts";
import { promised } from "../../support/decodable.ts";
import { ballastError } from "../../support/errors.ts";

const MINUTE = 60_000;
const [a, b, c] = ["a", "b", "c"].map((digit) => parseOid(digit.repeat(64))) as [Oid, Oid, Oid];
const key = (text: string): string => objectKey(parseName(text)!);
const delta = (target: Oid, base: Oid): string => key(`${target}.${base}.xd3`);

/** A store in memory that answers when it is told to, each request in one moment. */
class SlowStore {
  readonly keys = new Map<string, { bytes: Buffer; modifiedMs: number }>();
  clockMs = 0;
  /** Waits until a request may happen. */
  turn: (what: string) => Promise<unknown> = () => Promise.resolve();
  onChange: () => void = () => {};

  /** The store as one process sees it. */
  seenBy(dead: { is: boolean } = { is: false }): Store {
    const request = async <T>(what: string, act: () => T): Promise<T> => {
      await this.turn(what);
      if (dead.is) return new Promise<never>(() => {});
      return act();
    };
    const entries = (prefix: string): Entry[] =>
      [...this.keys].filter(([name]) => name.startsWith(prefix)).map(([name, { bytes, modifiedMs }]) => ({ key: name, sizeBytes: bytes.length, modifiedMs })).sort((x, y) => (x.key < y.key ? -1 : 1));
    const put = (name: string, bytes: Uint8Array): void => {
      this.keys.set(name, { bytes: Buffer.from(bytes), modifiedMs: this.clockMs });
      this.onChange();
    };
    const self = this;
    return {
      url: "memory:",
      async find(oids: Iterable<Oid>) {
        const wanted = new Set(oids);
        return request("find", () => {
          const found = new Map<Oid, StoredObject[]>();
          for (const entry of entries("objects/")) {
            const name = parseKey(entry.key)!;
            if (wanted.has(name.oid)) found.set(name.oid, [...(found.get(name.oid) ?? []), { ...entry, name }]);
          }
          return found;
        });
      },
      async *list(prefix: string) {
        yield* await request(`list ${prefix}`, () => entries(prefix));
      },
      async *read(name: string) {
        yield await request(`read ${name}`, () => {
          const found = self.keys.get(name);
          if (!found) throw new BallastError("OBJECT_MISSING", name);
          return found.bytes;
        });
      },
      async write(name: string, source) {
        const chunks: Uint8Array[] = [];
        for await (const chunk of source.open({ start: 0, end: source.sizeBytes })) chunks.push(chunk);
        return request(`write ${name}`, () => {
          if (self.keys.has(name)) return "exists" as const;
          put(name, Buffer.concat(chunks));
          return "created" as const;
        });
      },
      replace: (name: string, content: Uint8Array) => request(`replace ${name}`, () => put(name, content)),
      // As in a directory: who has slept looks at its clocks just before.
      remove: async (name: string, _signal?: AbortSignal, beforeTry?: () => void) => (beforeTry?.(), request(`remove ${name}`, () => {
        self.keys.delete(name);
        self.onChange();
      })),
      close: () => {},
    };
  }

  hold(...names: string[]): void {
    for (const name of names) this.keys.set(name, { bytes: Buffer.from("x"), modifiedMs: 0 });
  }

  objects(): string[] {
    return [...this.keys.keys()].filter((name) => name.startsWith("objects/")).map((name) => name.slice("objects/aa/".length)).sort();
  }
}

function options(nonce: string, changes: Partial<RemovalOptions> = {}): RemovalOptions {
  return { nonce, host: nonce, pid: 1, what: "repack", isAlive: () => true, nowMs: () => 0, steadyMs: () => 0, concurrency: 2, signal: new AbortController().signal, ...changes };
}

test("one run at a time removes; the next one may when it has given the right back", async () => {
  const memory = new SlowStore();
  memory.hold(key(a), key(`${a}.gz`));
  const store = memory.seenBy();
  const first = await takeRemoval(store, options("first"));
  await expect(takeRemoval(store, options("second"))).rejects.toEqual(ballastError("LOCKED", /repack on first \(process 1\)/));
  await first.remove([key(a)]);
  expect(memory.objects()).toEqual([`${a}.gz`]);
  await first.release();
  const second = await takeRemoval(store, options("second"));
  await expect(first.remove([key(`${a}.gz`)])).rejects.toEqual(ballastError("LOCKED"));
  await expect(first.renewIfDue()).resolves.toBeUndefined();
  await first.release();
  await expect(takeRemoval(store, options("third"))).rejects.toEqual(ballastError("LOCKED", /second/));
  await second.release();
  expect(memory.objects()).toEqual([`${a}.gz`]);
  // Of what was, one small record remains, so that its number is never used again.
  await (await takeRemoval(store, options("third"))).release();
  expect([...memory.keys.keys()].filter((name) => name.startsWith("gc/"))).toEqual(["gc/removal.7.json"]);
});

test("a dead process of this machine is passed over at once, a silent one elsewhere after half an hour of the store's clock", async () => {
  const memory = new SlowStore();
  const store = memory.seenBy();
  await takeRemoval(store, options("one", { host: "here", pid: 7 }));
  await expect(takeRemoval(store, options("two", { host: "here", isAlive: (pid) => pid === 7 }))).rejects.toEqual(ballastError("LOCKED"));
  await takeRemoval(store, options("two", { host: "here", isAlive: (pid) => pid !== 7 }));
  memory.clockMs = 29 * MINUTE;
  await expect(takeRemoval(store, options("three", { host: "there" }))).rejects.toEqual(ballastError("LOCKED"));
  memory.clockMs = 31 * MINUTE;
  const held = await takeRemoval(store, options("three", { host: "there", nowMs: () => memory.clockMs }));
  memory.clockMs = 60 * MINUTE;
  await held.renewIfDue();
  memory.clockMs = 80 * MINUTE;
  await expect(takeRemoval(store, options("four"))).rejects.toEqual(ballastError("LOCKED", /there|three/));
});

test("what a dead run was about to remove is removed, but not the last way to an oid", async () => {
  const memory = new SlowStore();
  memory.hold(key(a), delta(a, b), key(b), key(c));
  const store = memory.seenBy();
  const dead = { is: false };
  const doomed = await takeRemoval(memory.seenBy(dead), options("doomed"));
  memory.turn = async (what) => {
    if (what.startsWith("remove")) dead.is = true;
  };
  void doomed.remove([key(a), key(c)]);
  await new Promise((resolve) => setTimeout(resolve, 20));
  memory.turn = () => Promise.resolve();
  memory.clockMs = 31 * MINUTE;
  await (await takeRemoval(store, options("next"))).release();
  expect(memory.objects()).toEqual([`${a}.${b}.xd3`, b, c].sort());
});

test("a record that makes no sense is no right, is no key to other places, and is passed over in time", async () => {
  for (const text of ["", "{}", '{"ballast":"removal","version":2}', "null", '"removal"']) expect(parseRecord(Buffer.from(text))).toBeUndefined();
  const good = { ballast: "removal", version: 1, nonce: "n", host: "h", pid: 1, what: "w", released: false };
  expect(parseRecord(Buffer.from(JSON.stringify({ ...good, pending: [key(a)] })))).toMatchObject({ pending: [key(a)] });
  for (const pending of [["../x"], ["ballast.json"], ["objects/aa/x"], "objects", [1], undefined]) expect(parseRecord(Buffer.from(JSON.stringify({ ...good, pending })))).toBeUndefined();
  const memory = new SlowStore();
  memory.keys.set("gc/removal.4.json", { bytes: Buffer.from("rubbish"), modifiedMs: 0 });
  await expect(takeRemoval(memory.seenBy(), options("one"))).rejects.toEqual(ballastError("LOCKED", /somebody/));
  memory.clockMs = 31 * MINUTE;
  await takeRemoval(memory.seenBy(), options("one"));
  // Nobody knows what it was about to remove; after two hours that does not matter any more.
  expect([...memory.keys.keys()]).toEqual(["gc/removal.4.json", "gc/removal.5.json"]);
  memory.clockMs = 121 * MINUTE;
  await takeRemoval(memory.seenBy(), options("two"));
  expect([...memory.keys.keys()]).toEqual(["gc/removal.6.json"]);
});

/** As repack does: makes a delta, looks whether the whole object can be spared, removes it. */
async function turnIntoDelta(store: Store, target: Oid, base: Oid, self: RemovalOptions): Promise<void> {
  const removal = await takeRemoval(store, self);
  const found = await store.find([target, base]);
  if (found.get(base)?.length) await store.write(delta(target, base), { sizeBytes: 1, async *open() { yield Buffer.from("x"); } });
  const going = new Set((found.get(target) ?? []).map((object) => object.key).filter((one) => one !== delta(target, base)));
  const spare = await decodableWithout(store, going, self.signal);
  await removal.remove(spare.has(target) ? [...going] : []);
  await removal.release();
}

test("whatever the order of requests, whoever dies or sleeps for however long: each oid can be decoded at every moment", async () => {
  let overtaken = 0;
  let finished = 0;
  await fc.assert(
    fc.asyncProperty(fc.infiniteStream(fc.nat(2)), fc.array(fc.nat(60), { minLength: 2, maxLength: 2 }), fc.array(fc.nat(25), { minLength: 2, maxLength: 2 }), fc.boolean(), async (dice, deaths, naps, impatient) => {
      const memory = new SlowStore();
      memory.hold(key(a), key(b), key(c));
      memory.onChange = () => expect([...promised(memory.objects())].sort()).toEqual([a, b, c]);
      const waiting: { who: number; asleep: boolean; go: () => void }[] = [];
      const wishes: readonly (readonly [Oid, Oid])[] = [[a, b], [b, a], [c, a]];
      let over = 0;
      const run = async (who: number): Promise<void> => {
        const dead = { is: false };
        let requests = 0;
        let asked = 0;
        const store = memory.seenBy(dead);
        const slow = new Proxy(store, {
          get(target, property: keyof Store) {
            const method = target[property];
            if (typeof method !== "function" || property === "close") return method;
            const wait = (): Promise<void> => new Promise((resolve) => waiting.push({ who, asleep: ++asked === naps[who], go: resolve }));
            const count = (): void => {
              if (++requests === deaths[who]) dead.is = true;
            };
            if (property === "list" || property === "read") {
              return async function* (...args: unknown[]) {
                await wait();
                count();
                yield* (method as (...all: unknown[]) => AsyncIterable<unknown>).apply(target, args);
              };
            }
            return async (...args: unknown[]) => {
              await wait();
              count();
              return (method as (...all: unknown[]) => unknown).apply(target, args);
            };
          },
        });
        try {
          // Nobody waits for anybody: each thinks that the others have died long ago.
          await turnIntoDelta(slow, ...wishes[who]!, options(`run ${who}`, { host: "here", isAlive: () => !impatient, ...(impatient ? {} : { host: `host ${who}` }), nowMs: () => memory.clockMs, steadyMs: () => memory.clockMs }));
          finished += 1;
        } catch (error) {
          if (!isBallastError(error, "LOCKED", "STORE_BUSY")) throw error;
          overtaken += 1;
        } finally {
          over += 1;
        }
      };
      const runs = [0, 1, 2].map(run);
      let failure: unknown;
      for (const one of runs) one.catch((error: unknown) => (failure ??= error));
      for (let idle = 0; idle < 3 && over < 3; ) {
        await new Promise((resolve) => setImmediate(resolve));
        if (waiting.length === 0) {
          idle += 1;
          continue;
        }
        idle = 0;
        const { value } = dice.next();
        // Who sleeps before a request goes on when nobody else has anything to do.
        const awake = waiting.findIndex(({ asleep }) => !asleep);
        const favourite = Math.max(awake, waiting.findIndex(({ who, asleep }) => who === value && !asleep));
        waiting.splice(Math.max(0, favourite), 1)[0]!.go();
        if (impatient) memory.clockMs += 10 * MINUTE;
      }
      if (failure) throw failure;
    }),
    { numRuns: 800 },
  );
  expect(overtaken).toBeGreaterThan(50);
  expect(finished).toBeGreaterThan(50);
});
