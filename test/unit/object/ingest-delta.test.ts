import { appendFileSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { CompressionSettings } from "../../../src/config/settings.ts";
import { policyOf } from "../../../src/delta/plan.ts";
import { Contents } from "../../../src/object/contents.ts";
import { deltaTools } from "../../../src/object/delta-tools.ts";
import { ingestFile, type Ingested, type IngestOptions } from "../../../src/object/ingest.ts";
import type { BaseHint, DeltaTools } from "../../../src/object/ingest-delta.ts";
import { objectKey } from "../../../src/object/name.ts";
import { oidOf } from "../../../src/object/oid.ts";
import { PresentObjects } from "../../../src/object/present.ts";
import type { DirectoryStore } from "../../../src/store/directory.ts";
import { random } from "../../support/sandbox.ts";
import { AUTO, collect, failure, filesOf, newFile, newStore, RAW } from "./support.ts";

const SETTINGS = { mode: "auto", maxRatio: 0.5, maxDepth: 16, exclude: [] } as const;
const SMALL = 50_000;
const LARGE = 9_000_000;

/** Words that gzip halves, and no two seeds give the same. */
function words(sizeBytes: number, seed: string): Buffer {
  return Buffer.from(random(sizeBytes / 2, seed).toString("hex"));
}

/** The real tools, and how often each was used. */
async function countingTools(stores: readonly DirectoryStore[]): Promise<{ tools: DeltaTools; contents: Contents; calls: { open: number; estimate: number; encode: number } }> {
  const contents = new Contents(stores);
  const tools = await deltaTools(SETTINGS, contents);
  const calls = { open: 0, estimate: 0, encode: 0 };
  const counting: DeltaTools = {
    policy: tools.policy,
    open: (base) => (calls.open++, tools.open(base)),
    estimate: (target, base) => (calls.estimate++, tools.estimate(target, base)),
    encode: (...args) => (calls.encode++, tools.encode(...args)),
  };
  return { tools: counting, contents, calls };
}

/** Stores a content with these hints, and checks that what was stored makes it again. */
async function ingest(store: DirectoryStore, content: Buffer, hints: readonly BaseHint[], options: { compression?: CompressionSettings; stores?: DirectoryStore[]; ingest?: IngestOptions } = {}): Promise<Ingested & { calls: { open: number; estimate: number; encode: number } }> {
  const stores = options.stores ?? [store];
  const { tools, contents, calls } = await countingTools(stores);
  try {
    const present = new PresentObjects(store, stores.filter((each) => each !== store));
    const made = await ingestFile(newFile(content), store, options.compression ?? AUTO, { ...options.ingest, present, delta: { hints, tools } });
    expect(made.oid).toBe(oidOf(content));
    const again = new Contents(stores);
    const access = await again.open(made.oid, { verified: true });
    expect(access.sizeBytes).toBe(content.length);
    access.close();
    again.close();
    expect(filesOf(store).temporary).toEqual([]);
    return { ...made, calls };
  } finally {
    contents.close();
  }
}

const version = (content: Buffer): BaseHint => ({ oid: oidOf(content), why: "version" });

describe("a file with a base", () => {
  for (const [what, sizeBytes] of [["small", SMALL], ["large", LARGE]] as const) {
    it(`that is ${what} becomes a delta, read once more at most, and counted once`, async () => {
      const store = await newStore();
      const base = words(sizeBytes, "base");
      const content = Buffer.concat([base.subarray(0, 20_000), Buffer.from("new"), base.subarray(20_000)]);
      await ingest(store, base, []);
      let counted = 0;
      const made = await ingest(store, content, [version(base)], { ingest: { onBytes: (bytes) => (counted += bytes) } });
      expect(made).toMatchObject({ base: oidOf(base), created: true });
      expect(made.storedBytes).toBeLessThan(500);
      expect(made.storedBytes).toBe(readFileSync(store.pathOf(objectKey(made))).length);
      expect(counted).toBe(content.length);
      expect(made.calls).toEqual({ open: 1, estimate: 1, encode: 1 });
      expect(await ingest(store, content, [version(base)])).toMatchObject({ base: oidOf(base), created: false, calls: { open: 0, encode: 0 } });
    });

    it(`that is ${what} and has nothing in common with it is stored whole, and encoding is not even begun`, async () => {
      const store = await newStore();
      const [base, content] = [random(sizeBytes, "jpeg 1"), random(sizeBytes, "jpeg 2")];
      await ingest(store, base, []);
      let counted = 0;
      const made = await ingest(store, content, [version(base)], { ingest: { onBytes: (bytes) => (counted += bytes) } });
      expect(made).toMatchObject({ encoding: "raw", created: true, calls: { open: 1, estimate: 1, encode: 0 } });
      expect(counted).toBe(content.length);
    });

    it(`that is ${what} and has too little in common with it is stored whole`, async () => {
      const store = await newStore();
      const base = words(sizeBytes, "base");
      const content = Buffer.concat([base.subarray(0, sizeBytes * 0.3), words(sizeBytes * 0.7, "other")]);
      await ingest(store, base, []);
      expect(await ingest(store, content, [version(base)])).toMatchObject({ encoding: "gzip", calls: { encode: 1 } });
    });

    it(`that is ${what} and whose base has rotted is stored whole, with a word about it`, async () => {
      const store = await newStore();
      const base = random(sizeBytes, "base");
      const { oid } = await ingest(store, base, []);
      const rotten = Buffer.from(base);
      rotten[1000]! ^= 1;
      writeFileSync(store.pathOf(objectKey({ oid, encoding: "raw" })), rotten);
      // The bytes that have rotted are in the delta's copies, so it would decode here and nowhere else.
      const made = await ingest(store, Buffer.concat([rotten, Buffer.from("new")]), [version(base)]);
      expect(made).toMatchObject({ encoding: "raw", created: true, trouble: expect.stringContaining("is damaged") });
    });
  }

  it("is not compared with it when a delta could not be kept anyway", async () => {
    const store = await newStore();
    const base = words(4000, "base");
    await ingest(store, base, []);
    expect((await ingest(store, Buffer.concat([base, base.subarray(0, 10)]), [version(base)])).calls).toEqual({ open: 0, estimate: 0, encode: 0 });
  });

  it("that is not here is stored whole, and so is the content itself as a base", async () => {
    const store = await newStore();
    const content = random(SMALL, "x");
    const made = await ingest(store, content, [version(random(SMALL, "gone")), version(content)]);
    expect(made).toMatchObject({ encoding: "raw", calls: { open: 0 } });
    expect(made.trouble).toBeUndefined();
  });

  it("in another store stands on that; one that stands on the content itself is none", async () => {
    const [store, other] = [await newStore(), await newStore()];
    const first = random(SMALL, "v1");
    const second = Buffer.concat([first, Buffer.from("2")]);
    await ingest(other, first, []);
    expect(await ingest(other, second, [version(first)])).toMatchObject({ base: oidOf(first) });
    // Back to the first one, which this store lacks: a delta of it against the second would close a circle.
    expect(await ingest(store, first, [version(second)], { stores: [store, other] })).toMatchObject({ encoding: "raw", created: true });
    const third = Buffer.concat([second, Buffer.from("3")]);
    expect(await ingest(store, third, [version(second)], { stores: [store, other] })).toMatchObject({ base: oidOf(second) });
  });

  it("takes, of several that are no version of it, what has most in common", async () => {
    const store = await newStore();
    const [near, far, none] = [random(SMALL, "near"), Buffer.concat([random(SMALL / 2, "half"), random(SMALL / 2, "far")]), random(SMALL, "none")];
    for (const content of [near, far, none]) await ingest(store, content, []);
    const content = Buffer.concat([near.subarray(0, SMALL * 0.9), far.subarray(0, SMALL * 0.1)]);
    const hints = [none, far, near].map((each): BaseHint => ({ oid: oidOf(each), why: "renamed" }));
    expect(await ingest(store, content, hints)).toMatchObject({ base: oidOf(near), calls: { encode: 1 } });
  });

  it("is not gzipped when compression is never", async () => {
    const store = await newStore();
    const base = words(SMALL, "base");
    await ingest(store, base, [], { compression: RAW });
    const content = Buffer.concat([base, words(2000, "more")]);
    expect(await ingest(store, content, [version(base)], { compression: RAW })).toMatchObject({ encoding: "delta", base: oidOf(base) });
    const other = Buffer.concat([words(2000, "more"), base]);
    expect(await ingest(store, other, [version(base)])).toMatchObject({ encoding: "delta+gzip", base: oidOf(base) });
  });

  it("keeps to the bounds through 60 versions, whole objects in between", async () => {
    const store = await newStore();
    const policy = policyOf(SETTINGS);
    let content = random(SMALL, "v");
    let previous: Buffer | undefined;
    let storedBytes = 0;
    let whole = 0;
    for (let i = 0; i < 60; i++) {
      const made = await ingest(store, content, previous ? [version(previous)] : []);
      storedBytes += made.storedBytes;
      if (made.base === undefined) whole++;
      const [link] = new PresentObjects(store).chain(oidOf(content))!;
      expect(link.depth).toBeLessThanOrEqual(policy.maxDepth);
      expect(link.chainBytes).toBeLessThanOrEqual(2 * content.length);
      previous = content;
      content = Buffer.concat([content.subarray(0, (i * 7919) % SMALL), random(1500, `edit ${i}`), content.subarray(((i * 7919) % SMALL) + 1500)]);
    }
    expect(whole).toBeGreaterThan(1);
    expect(whole).toBeLessThan(8);
    expect(storedBytes).toBeLessThan(60 * SMALL * 0.2);
  });
});

describe("a file that changes while a delta is made of it", () => {
  for (const [what, change] of [["grows", (path: string) => appendFileSync(path, "more")], ["shrinks", (path: string) => truncateSync(path, LARGE - 1_000_000)]] as const) {
    it(`is read again when it ${what}`, async () => {
      const store = await newStore();
      const base = random(LARGE, "base");
      await ingest(store, base, []);
      const path = newFile(Buffer.concat([base, Buffer.from("new")]));
      const { tools, contents } = await countingTools([store]);
      let changed = false;
      const late: DeltaTools = {
        ...tools,
        encode(...args) {
          if (!changed) change(path);
          changed = true;
          return tools.encode(...args);
        },
      };
      const made = await ingestFile(path, store, AUTO, { delta: { hints: [version(base)], tools: late } });
      expect(made).toMatchObject({ oid: oidOf(readFileSync(path)), base: oidOf(base), trouble: undefined });
      expect(filesOf(store).objects).toHaveLength(2);
      contents.close();
    });
  }

  it("ends with an abort at once, and leaves nothing", async () => {
    const store = await newStore();
    const base = random(LARGE, "base");
    await ingest(store, base, []);
    const { tools, contents } = await countingTools([store]);
    const controller = new AbortController();
    const reason = new Error("the user has gone");
    const aborting: DeltaTools = { ...tools, encode: (target, from, write, options) => tools.encode(target, from, (bytes) => (controller.abort(reason), write(bytes)), options) };
    const path = newFile(Buffer.concat([base, Buffer.from("new")]));
    await expect(ingestFile(path, store, AUTO, { signal: controller.signal, delta: { hints: [version(base)], tools: aborting } })).rejects.toBe(reason);
    expect(filesOf(store)).toMatchObject({ objects: [oidOf(base)], temporary: [] });
    contents.close();
  });
});

describe("a base or an encoder that fails", () => {
  it("in whatever way, never keeps a file from being stored", async () => {
    const store = await newStore();
    const base = random(SMALL, "base");
    await ingest(store, base, []);
    const { tools, contents } = await countingTools([store]);
    const content = Buffer.concat([base, Buffer.from("new")]);
    const fail = (): never => {
      throw new Error("out of luck");
    };
    const ways: DeltaTools[] = [
      { ...tools, open: fail },
      { ...tools, estimate: fail },
      { ...tools, encode: fail },
      { ...tools, open: async (oid) => ({ ...(await tools.open(oid)), read: fail }) },
      { ...tools, encode: async (target, from, write, options) => tools.encode(target, from, (bytes) => write(Buffer.from(bytes).fill(7)), options) },
    ];
    for (const [i, way] of ways.entries()) {
      const changed = Buffer.concat([content, Buffer.from([i])]);
      const made = await ingestFile(newFile(changed), store, AUTO, { delta: { hints: [version(base)], tools: way } });
      expect(made).toMatchObject({ encoding: "raw", created: true, trouble: expect.any(String) });
      expect((await collect(store.read(objectKey(made)))).equals(changed)).toBe(true);
    }
    expect(filesOf(store).temporary).toEqual([]);
    contents.close();
  });

  it("is not to blame for a store that cannot be written", async () => {
    const store = await newStore();
    const base = random(SMALL, "base");
    await ingest(store, base, []);
    const { tools, contents } = await countingTools([store]);
    const full: DirectoryStore = Object.create(store) as DirectoryStore;
    full.temporary = () => {
      const file = store.temporary();
      file.write = () => Promise.reject(Object.assign(new Error("no space"), { code: "ENOSPC" }));
      return file;
    };
    full.writeFailure = (error) => store.writeFailure(error);
    await failure(ingestFile(newFile(Buffer.concat([base, Buffer.from("x")])), full, AUTO, { present: new PresentObjects(store), delta: { hints: [version(base)], tools } }), "DISK_FULL");
    expect(filesOf(store).temporary).toEqual([]);
    contents.close();
  });
});
