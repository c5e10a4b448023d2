import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import type { Asset } from "../../../src/manifest/manifest.ts";
import { oidOf } from "../../../src/object/oid.ts";
import { observe, type Seen } from "../../../src/worktree/observe.ts";
import type { Worktree } from "../../../src/worktree/session.ts";
import { StatIndex } from "../../../src/worktree/stat-index.ts";
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

it("a look keeps of each asset that differs no more than its place, since the index has the rest", async () => {
  const top = mkdtempSync(join(tmpdir(), "ballast-look-"));
  const index = StatIndex.open(join(top, "index"));
  const manifest = new Map<string, Asset>();
  for (let i = 0; i < COUNT; i++) {
    const path = `assets/${i % 100}/${i}.bin`;
    manifest.set(path, { path, oid: oidOf(Buffer.from(`asset ${i}`)), sizeBytes: i, exec: false });
    index.set(path, { b: { oid: oidOf(Buffer.from(`before ${i}`)), exec: false } });
  }
  const worktree = { repository: { top }, manifest, index, stamped: false, restoring: new Map(), fileMode: true, tracking: { patterns: [], matches: () => false } } as unknown as Worktree;
  const look = (): Promise<ReadonlyMap<string, Seen>> => observe(worktree, { read: async () => {}, candidates: [] });
  // Tables that the index makes when it is first asked for all of its paths are no part of a look.
  const tables = async (): Promise<number> => (await look()).size;
  expect(await tables()).toBe(COUNT);
  await new Promise((resolve) => setImmediate(resolve));
  const before = heapBytes();
  const seen = await look();
  const tookBytes = heapBytes() - before;
  expect(seen.get("assets/7/7.bin")).toMatchObject({ state: "missing", w: undefined, b: { oid: oidOf(Buffer.from("before 7")) } });
  // With a copy of what the index has it would be about 240.
  expect(tookBytes / COUNT).toBeLessThan(150);
  rmSync(top, { recursive: true });
});
