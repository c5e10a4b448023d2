import { existsSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { expect, test } from "vitest";
import { formatName, objectKey, parseName, type ObjectName } from "../../../../src/object/name.ts";
import { oidOf, parseOid, type Oid } from "../../../../src/object/oid.ts";
import { bufferSource } from "../../../../src/object/source.ts";
import { acceptableWhole } from "../../../../src/transfer/repack/judge.ts";
import { Model } from "../../../../src/transfer/repack/model.ts";
import { removeDead, Scratch, scratchName } from "../../../../src/transfer/repack/scratch.ts";
import { inOrder } from "../../../../src/transfer/repack/versions.ts";
import { decodeAll, objectNames, promised } from "../../../support/decodable.ts";
import { deltaOf, editions, putChain, putContent } from "../../../support/deltas.ts";
import { newStore, temporaryDirectory } from "../../object/support.ts";
import { asRemote, history, run } from "./support.ts";

const signal = new AbortController().signal;
const oid = (digit: string): Oid => parseOid(digit.repeat(64));

/** Runs until nothing is left to do, at most; one where history and bases agree. */
const MOST_RUNS = 4;
const VERSIONS = editions(5, "history", 12_000);

/** Every object that the versions can have, with its bytes. */
async function everyObject(): Promise<{ name: ObjectName; bytes: Buffer }[]> {
  const all: { name: ObjectName; bytes: Buffer }[] = [];
  for (const content of VERSIONS) {
    const own = oidOf(content);
    all.push({ name: { oid: own, encoding: "raw" }, bytes: content }, { name: { oid: own, encoding: "gzip" }, bytes: gzipSync(content) });
    for (const base of VERSIONS) if (base !== content) all.push({ name: { oid: own, encoding: "delta", base: oidOf(base) }, bytes: await deltaOf(content, base) });
  }
  return all;
}

test("whatever a store holds and whatever is wished: no oid is ever lost, what stays is right, and runs come to an end", async () => {
  const every = await everyObject();
  const wishes = fc.record({ deltas: fc.boolean(), maxDepth: fc.integer({ min: 1, max: 3 }), mode: fc.constantFrom("auto" as const, "never" as const, "always" as const) });
  await fc.assert(
    fc.asyncProperty(fc.subarray([...every.keys()], { minLength: 4, maxLength: 14 }), wishes, fc.boolean(), fc.shuffledSubarray([0, 1, 2, 3, 4], { minLength: 3 }), async (which, wish, remote, order) => {
      const objects = which.map((index) => every[index]!);
      const directory = await newStore();
      for (const { name, bytes } of objects) await directory.write(objectKey(name), bufferSource(bytes));
      const rank = (one: Oid): number => order.findIndex((index) => oidOf(VERSIONS[index]!) === one);
      const had = promised(objects.map(({ name }) => formatName(name)));
      const store = remote ? asRemote(directory) : directory;
      const remove = directory.remove.bind(directory);
      store.remove = async (...args) => {
        await remove(...args);
        if (args[0].startsWith("objects/")) for (const one of had) expect(promised(objectNames(directory.root))).toContain(one);
      };
      const versions = history(order.map((index) => VERSIONS[index]!));
      const before = objectNames(directory.root);
      const rehearsal = await run(store, versions, { ...wish, dryRun: true });
      expect(objectNames(directory.root)).toEqual(before);
      const { events, ...result } = await run(store, versions, wish);
      expect(result).toEqual(Object.fromEntries(Object.entries(rehearsal).filter(([key]) => key !== "events")));
      expect(result.examined).toBe(versions.filter((version) => had.has(version.oid)).length);
      expect(result.failed).toEqual([]);
      const names = objectNames(directory.root);
      for (const one of had) expect(promised(names)).toContain(one);
      for (const version of versions) {
        if (!had.has(version.oid)) continue;
        const own = names.filter((name) => name.startsWith(version.oid)).map((name) => parseName(name)!);
        expect(own).toHaveLength(1);
        if (!wish.deltas) expect(own[0]!.base).toBeUndefined();
        if (own[0]!.base === undefined && wish.mode !== "auto") expect(own[0]!.encoding).toBe(wish.mode === "always" ? "gzip" : "raw");
      }
      expect(events.filter(({ kind }) => kind === "warning")).toEqual([]);
      // Where a version was based on a later one, what was decided first could not count with what came of it.
      const isOrderly = objects.every(({ name }) => name.base === undefined || rank(name.base) < rank(name.oid));
      let last = result;
      for (let again = isOrderly ? MOST_RUNS : 1; again <= MOST_RUNS; again++) {
        const next = await run(store, versions, wish);
        expect(next.bytesBefore).toBe(last.bytesAfter);
        last = next;
        if (next.rewritten === 0) break;
      }
      expect(last).toMatchObject({ rewritten: 0, cleared: 0 });
    }),
    { numRuns: 25 },
  );
});

test("versions that were stored whole become a chain, and what is not asked for stays", async () => {
  const store = await newStore();
  for (const content of VERSIONS) await putContent(store, content);
  const result = await run(asRemote(store), history(VERSIONS.slice(0, 4)));
  expect(result).toMatchObject({ examined: 4, rewritten: 3, bytesBefore: 48_000 });
  expect(result.bytesAfter).toBeLessThan(15_000);
  expect(objectNames(store.root).filter((name) => !name.includes(".")).sort()).toEqual([VERSIONS[0]!, VERSIONS[4]!].map(oidOf).sort());
  await decodeAll(store.root);
});

test("a damaged object stays as it is, is told, and keeps no other from being rewritten", async () => {
  const store = await newStore();
  for (const content of VERSIONS.slice(0, 3)) await putContent(store, content);
  const key = objectKey({ oid: oidOf(VERSIONS[1]!), encoding: "raw" });
  await store.remove(key);
  await store.write(key, bufferSource(Buffer.from("bad")));
  const { failed, events } = await run(store, history(VERSIONS.slice(0, 3)));
  expect(failed).toMatchObject([{ oid: oidOf(VERSIONS[1]!), path: "a", why: expect.stringContaining("damaged") }]);
  expect(events.at(-1)).toEqual({ kind: "end", op: "repack", ok: true });
  expect(objectNames(store.root)).toContain(oidOf(VERSIONS[1]!));
});

test("an object that has rotted never stays in the place of a good one", async () => {
  for (const remote of [false, true]) {
    const directory = await newStore();
    const store = remote ? asRemote(directory) : directory;
    const [base, content] = [VERSIONS[0]!, VERSIONS[1]!];
    for (const whole of [base, content]) await putContent(directory, whole);
    const rotten = async (name: ObjectName, bytes: Buffer): Promise<string> => {
      const changed = Buffer.from(bytes);
      changed[bytes.length >> 1]! ^= 1;
      await directory.write(objectKey(name), bufferSource(changed));
      return objectKey(name);
    };
    const own = oidOf(content);
    const versions = history([base, content]);
    for (const [name, bytes] of [[{ oid: own, encoding: "gzip" }, gzipSync(content)], [{ oid: own, encoding: "delta", base: oidOf(base) }, await deltaOf(content, base)]] as const) {
      const key = await rotten(name, bytes);
      for (const dryRun of [true, false]) expect((await run(store, versions, { deltas: name.encoding === "delta", mode: name.encoding === "gzip" ? "always" : "never", dryRun })).failed).toMatchObject([{ oid: own }]);
      expect(objectNames(directory.root)).toContain(own);
      await directory.remove(key);
    }
  }
});

test("what nothing can decode, and what an archive has, is passed over", async () => {
  const directory = await newStore();
  const names = await putChain(directory, VERSIONS.slice(0, 3));
  await directory.remove(`objects/${names[0]!.slice(0, 2)}/${names[0]}`);
  expect(await run(directory, history(VERSIONS.slice(0, 3)))).toMatchObject({ examined: 0, skipped: 3 });
  const store = asRemote(await newStore());
  store.find = async (oids) => new Map([...oids].map((one) => [one, [{ name: { oid: one, encoding: "raw" }, key: objectKey({ oid: one, encoding: "raw" }), sizeBytes: 1, modifiedMs: 0, archived: true }]]));
  expect(await run(store, history(VERSIONS.slice(0, 1)))).toMatchObject({ examined: 0, skipped: 1 });
});

test("the order of versions: oldest first, each once, after the last content of the same path", () => {
  const [a, b, c] = [oid("a"), oid("b"), oid("c")];
  const added = ([[a, "x"], [b, "x"], [c, "y"], [a, "y"], [b, "y"], [a, "x"], [c, "x"]] as const).map(([one, path]) => ({ oid: one, path, sizeBytes: 1 }));
  expect(inOrder(added, () => true).map(({ oid: one, previous }) => [one, previous])).toEqual([[a, undefined], [b, a], [c, undefined]]);
  expect(inOrder(added, (path) => path === "y").map(({ oid: one, previous }) => [one, previous])).toEqual([[c, undefined], [a, c], [b, a]]);
});

test("a chain in the model avoids circles, what is gone, and what it must not pass through", () => {
  const object = (text: string, sizeBytes = 1) => ({ name: parseName(text)!, key: objectKey(parseName(text)!), sizeBytes, modifiedMs: 0 });
  const [a, b, c] = [oid("a"), oid("b"), oid("c")];
  const model = new Model(new Map([
    [a, [object(`${a}.${b}.xd3`), object(`${a}.${c}.xd3`, 2)]],
    [b, [object(`${b}.${a}.xd3`)]],
    [c, [object(c, 9)]],
  ]));
  expect(model.chainOf(b)?.map(({ name }) => formatName(name))).toEqual([`${b}.${a}.xd3`, `${a}.${c}.xd3`, c]);
  expect(model.chainOf(b, new Set([a]))).toBeUndefined();
  expect(model.candidate(b, oid("d"))).toMatchObject({ oid: b, depth: 2, chainBytes: 12, ancestors: [{ oid: a, depth: 1, chainBytes: 11 }, { oid: c, depth: 0, chainBytes: 9 }] });
  model.remove([object(c)]);
  expect(model.chainOf(b)).toBeUndefined();
});

test("which whole object fits the compression settings", () => {
  const raw = { name: parseName(oid("a"))!, key: "", sizeBytes: 10, modifiedMs: 0 };
  const gzip = { ...raw, name: parseName(`${oid("a")}.gz`)!, sizeBytes: 5 };
  const choose = (mode: "auto" | "always" | "never", shrinks = false) => acceptableWhole([raw, gzip], { mode, level: 6, engine: "zlib" }, () => shrinks)?.name.encoding;
  expect([choose("never"), choose("always"), choose("auto")]).toEqual(["raw", "gzip", "gzip"]);
  expect(acceptableWhole([raw], { mode: "auto", level: 6, engine: "zlib" }, () => true)).toBeUndefined();
  expect(acceptableWhole([raw], { mode: "auto", level: 6, engine: "zlib" }, () => false)).toBe(raw);
});

test("the scratch directory stays within its bounds, and that of a dead run goes", async () => {
  const from = await newStore();
  const contents = editions(6, "scratch", 1000);
  for (const content of contents) await putContent(from, content);
  const directory = temporaryDirectory();
  const scratch = new Scratch(join(directory, scratchName(99_999, "0123456789abcdef")), 2500);
  await scratch.create(signal);
  const options = { openBase: () => Promise.reject(new Error("no base is needed")), signal };
  const objects = await Promise.all(contents.map(async (content) => (await from.find([oidOf(content)])).get(oidOf(content))![0]!));
  await scratch.fetch(from, objects.slice(0, 4), options);
  expect(objectNames(scratch.store.root)).toHaveLength(4);
  await scratch.release(objects.slice(0, 2));
  await scratch.release(objects.slice(2, 4));
  expect(objectNames(scratch.store.root)).toEqual(contents.slice(2, 4).map(oidOf).sort());
  await scratch.fetch(from, objects.slice(2, 3), options);
  await scratch.fetch(from, objects.slice(4, 6), options);
  await scratch.release(objects.slice(4, 6));
  expect(objectNames(scratch.store.root)).toContain(oidOf(contents[2]!));
  removeDead(directory, () => true);
  expect(existsSync(scratch.store.root)).toBe(true);
  removeDead(directory, () => false);
  expect(existsSync(scratch.store.root)).toBe(false);
});
