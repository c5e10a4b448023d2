import { expect, test } from "vitest";
import { BallastError } from "../../../src/errors.ts";
import { LAPSE_MS, SWEEP_MS } from "../../../src/gc/terms.ts";
import { objectKey } from "../../../src/object/name.ts";
import type { Store } from "../../../src/store/port.ts";
import { takeRemoval, type Removal } from "../../../src/transfer/removal.ts";
import { thisProcess } from "../../../src/transfer/this-process.ts";
import { ballastError } from "../../support/errors.ts";
import { storeOver, type Files } from "../../support/interleaving/objects.ts";
import { oid } from "../../support/repository.ts";

const raw = objectKey({ oid: oid("x"), encoding: "raw" });
const gzip = objectKey({ oid: oid("x"), encoding: "gzip" });
const { signal } = new AbortController();

interface Scene {
  readonly files: Files;
  readonly store: Store;
  clockMs: number;
  take(what: string, store?: Store): Promise<Removal>;
  /** What the removal records say that may still go, by number. */
  pending(): Record<string, string[]>;
}

function scene(): Scene {
  const files: Files = new Map();
  const it: Scene = {
    files,
    clockMs: 1e12,
    store: storeOver(files, { request: async (_what, act, beforeTry) => (beforeTry?.(), act()), nowMs: () => it.clockMs, cutAt: (count) => count }),
    take: (what, store = it.store) => takeRemoval(store, { ...thisProcess(what), nowMs: () => it.clockMs, steadyMs: () => it.clockMs, concurrency: 1, signal }),
    pending: () => Object.fromEntries([...files].filter(([key]) => key.startsWith("gc/removal.")).map(([key, { bytes }]) => [key.split(".")[1]!, (JSON.parse(bytes.toString()) as { pending: string[] }).pending])),
  };
  for (const key of [raw, gzip]) files.set(key, { bytes: Buffer.from("x"), modifiedMs: 0 });
  return it;
}

/** The same store, whose first tries to remove an object get lost. */
function losing(store: Store, tries: number, then: "gives up" | "tries again"): Store {
  return {
    ...store,
    async remove(key, until, beforeTry) {
      if (key.startsWith("objects/")) for (; tries > 0; tries--) {
        beforeTry?.();
        if (then === "gives up") throw new BallastError("STORE_UNREACHABLE", "no answer");
      }
      await store.remove(key, until, beforeTry);
    },
  };
}

test.each(["gives up", "tries again"] as const)("what was asked to be removed without an answer is told to the next runs until it has lapsed (the run %s)", async (then) => {
  const it = scene();
  const removal = await it.take("repack", losing(it.store, 1, then));
  const outcome = removal.remove([raw]);
  await (then === "gives up" ? expect(outcome).rejects.toThrow(ballastError("STORE_UNREACHABLE")) : outcome);
  expect([...removal.pending]).toEqual([raw]);
  await removal.release();
  expect(it.pending()).toEqual({ 2: [raw], 3: [] });
  // Written anew meanwhile, it may go all the same.
  it.files.set(raw, { bytes: Buffer.from("x"), modifiedMs: 0 });
  it.clockMs += LAPSE_MS - 1000;
  const next = await it.take("repack");
  expect([...next.pending]).toEqual([raw]);
  expect([...it.files.keys()].filter((key) => key.startsWith("objects/"))).toEqual([gzip]);
  await next.release();
  it.clockMs += LAPSE_MS + 2000;
  const last = await it.take("repack");
  expect([...last.pending]).toEqual([]);
  await last.release();
  expect(Object.values(it.pending())).toEqual([[]]);
});

test("what was answered leaves nothing behind", async () => {
  const it = scene();
  const removal = await it.take("repack");
  await removal.remove([raw]);
  await removal.remove([gzip]);
  expect(it.pending()).toEqual({ 3: [gzip] });
  await removal.release();
  expect(it.pending()).toEqual({ 4: [] });
  expect(removal.pending.size).toBe(0);
});

test("what another run may still remove is no way to decode an oid", async () => {
  const it = scene();
  const dead = await it.take("repack", losing(it.store, 1, "gives up"));
  await expect(dead.remove([gzip])).rejects.toThrow();
  await dead.release();
  it.files.delete(raw);
  // The last way is left alone, although it is pending.
  const next = await it.take("repack");
  expect([...next.pending]).toEqual([gzip]);
  expect(it.files.has(gzip)).toBe(true);
  await next.release();
});

test("who has slept asks for nothing more to be removed, not even once more", async () => {
  const it = scene();
  const sleeping: Store = {
    ...it.store,
    async remove(key, until, beforeTry) {
      if (!key.startsWith("objects/")) return it.store.remove(key, until, beforeTry);
      beforeTry?.();
      it.clockMs += SWEEP_MS;
      return it.store.remove(key, until, beforeTry);
    },
  };
  const removal = await it.take("repack", sleeping);
  await expect(removal.remove([raw])).rejects.toThrow(ballastError("LOCKED", /slept/));
  expect(it.files.has(raw)).toBe(true);
  await removal.release();
  expect(it.pending()).toEqual({ 2: [raw], 3: [] });
});

test("to show that one is alive hides nothing of what is being removed", async () => {
  const it = scene();
  let seen: unknown;
  const slow: Store = {
    ...it.store,
    async remove(key, until, beforeTry) {
      if (key.startsWith("objects/")) {
        it.clockMs += 6 * 60_000;
        const renewed = removal.renewIfDue();
        await new Promise(setImmediate);
        seen = it.pending();
        void renewed;
      }
      await it.store.remove(key, until, beforeTry);
    },
  };
  const removal = await it.take("repack", slow);
  await removal.remove([raw]);
  expect(seen).toEqual({ 2: [raw] });
});
