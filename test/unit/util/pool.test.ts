import { setTimeout as pause } from "node:timers/promises";
import { expect, test } from "vitest";
import { forEachParallel, mapParallel } from "../../../src/util/pool.ts";

test("works on as many items at a time as it may, and on every one", async () => {
  let now = 0;
  let most = 0;
  const results = await mapParallel([5, 1, 4, 2, 3, 0], 3, async (ms) => {
    most = Math.max(most, ++now);
    await pause(ms);
    now--;
    return ms * 2;
  });
  expect(results).toEqual([10, 2, 8, 4, 6, 0]);
  expect(most).toBe(3);
});

test("aborts the others on the first failure, awaits them, and starts nothing more", async () => {
  const started: number[] = [];
  const ended: number[] = [];
  const work = async (item: number, signal: AbortSignal): Promise<void> => {
    started.push(item);
    try {
      if (item === 1) throw new Error("first");
      await pause(10_000, undefined, { signal });
    } finally {
      await pause(5);
      ended.push(item);
    }
  };
  await expect(forEachParallel([0, 1, 2, 3], 2, work)).rejects.toThrow("first");
  expect(started).toEqual([0, 1]);
  expect(ended.sort()).toEqual([0, 1]);
});

test("ends with the reason of the abort, after its work has ended", async () => {
  const controller = new AbortController();
  let ended = false;
  const run = forEachParallel([1], 1, async (_, signal) => {
    await pause(10_000, undefined, { signal }).catch(() => {});
    ended = true;
  }, controller.signal);
  controller.abort(new Error("stop"));
  await expect(run).rejects.toThrow("stop");
  expect(ended).toBe(true);
  await expect(forEachParallel([1], 1, async () => {}, controller.signal)).rejects.toThrow("stop");
});

test("a failure of the items themselves is a failure", async () => {
  function* items(): Generator<number> {
    yield 1;
    throw new Error("no more");
  }
  await expect(forEachParallel(items(), 2, async () => {})).rejects.toThrow("no more");
});
