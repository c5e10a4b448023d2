import { expect, it } from "vitest";
import { oidOf } from "../../../src/object/oid.ts";
import { Entries } from "../../../src/worktree/stat-entries.ts";
import { collectGarbage } from "../../../src/util/collect-garbage.ts";

const COUNT = 50_000;

/** What is referred to, in bytes of the JavaScript heap; buffers are beside it. */
function heapBytes(): number {
  collectGarbage(COUNT);
  return process.memoryUsage().heapUsed;
}

function filled(): Entries {
  const entries = new Entries(Buffer.alloc(0));
  for (let i = 0; i < COUNT; i++) {
    const oid = oidOf(Buffer.from(`asset ${i}`));
    const times = { mtimeNs: 1_700_000_000_000_000_000n + BigInt(i), ctimeNs: 1_700_000_000_500_000_000n + BigInt(i) };
    const stat = { size: BigInt(i), ...times, ino: BigInt(i), dev: 64769n, mode: 0o100644n };
    entries.set(`assets/${i % 100}/${i}.bin`, { w: { oid, exec: false, stat, hashedAtNs: 1_700_000_001_000_000_000n }, b: { oid, exec: false } });
  }
  return entries;
}

it("an index takes a fraction of what its entries would take as objects, set here or read, also when all were asked for", () => {
  const before = heapBytes();
  const set = filled();
  const read = new Entries(set.encode());
  for (const entries of [set, read]) for (const path of entries.keys()) expect(entries.get(path)?.w?.exec).toBe(false);
  const tookBytes = heapBytes() - before;
  // As objects, one index takes more than 500 bytes an entry; as records, about 120 for the path and its place.
  expect(tookBytes / (2 * COUNT)).toBeLessThan(250);
  expect([set.size, read.size]).toEqual([COUNT, COUNT]);
});

it("what nothing refers to is given back when it was much, and left alone when it was little", () => {
  const leave = (): number => {
    const things = Array.from({ length: 500_000 }, (_, i) => ({ i, text: `thing ${i}` }));
    return things.length;
  };
  const before = heapBytes();
  expect(leave()).toBe(500_000);
  collectGarbage(10);
  collectGarbage(COUNT);
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(20e6);
});
