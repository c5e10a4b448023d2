import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { expect, test } from "vitest";
import type { Event } from "../../../../src/events.ts";
import { objectKey, type ObjectName } from "../../../../src/object/name.ts";
import { oidOf } from "../../../../src/object/oid.ts";
import { bufferSource } from "../../../../src/object/source.ts";
import type { DirectoryStore } from "../../../../src/store/directory.ts";
import type { Store } from "../../../../src/store/port.ts";
import type { Repacked } from "../../../../src/transfer/repack/repack.ts";
import { inOrder, type Version } from "../../../../src/transfer/repack/versions.ts";
import { objectNames } from "../../../support/decodable.ts";
import { deltaOf, editions, putContent } from "../../../support/deltas.ts";
import { random } from "../../../support/sandbox.ts";
import { newStore, temporaryDirectory } from "../../object/support.ts";
import { asRemote, history, run, type Wish } from "./support.ts";

interface Counted {
  /** Objects that were asked for, and their bytes that were taken. */
  reads: number;
  bytes: number;
  /** How often the store was asked what it has. */
  finds: number;
}

/** A store that is elsewhere, with a count of what a run asks of it. */
function counting(directory: DirectoryStore): { store: Store; count: (versions: readonly Version[], wish: Wish) => Promise<Repacked & Counted> } {
  let counted: Counted;
  const remote = asRemote(directory);
  const store: Store = {
    ...remote,
    find: (...args) => {
      counted.finds += 1;
      return remote.find(...args);
    },
    async *read(key, ...rest) {
      if (key.startsWith("objects/")) counted.reads += 1;
      for await (const chunk of remote.read(key, ...rest)) {
        if (key.startsWith("objects/")) counted.bytes += chunk.length;
        yield chunk;
      }
    },
  };
  return {
    store,
    count: async (versions, wish) => {
      counted = { reads: 0, bytes: 0, finds: 0 };
      const { events: _, ...result } = await run(store, versions, wish);
      return { ...result, ...counted };
    },
  };
}

const newNotes = (): string => join(temporaryDirectory(), "settled");
const assets = (contents: readonly Buffer[]): Version[] => inOrder(contents.map((content, i) => ({ oid: oidOf(content), sizeBytes: content.length, path: `${i}` })), () => true);

const filesIn = (events: readonly Event[]): string[] => events.filter(({ kind }) => kind === "file").map((event) => JSON.stringify(event)).sort();

async function put(store: DirectoryStore, name: ObjectName, bytes: Buffer): Promise<void> {
  await store.write(objectKey(name), bufferSource(bytes));
}

test("a run with nothing to do asks once what is there, and reads no object that an earlier run has looked at", async () => {
  const directory = await newStore();
  const contents = Array.from({ length: 60 }, (_, i) => random(6000, i));
  for (const content of contents) await putContent(directory, content);
  const { count } = counting(directory);
  const notes = newNotes();
  // Ten paths with six versions each, of which none is like another.
  const versions = inOrder(contents.map((content, i) => ({ oid: oidOf(content), sizeBytes: content.length, path: `${i % 10}` })), () => true);
  const first = await count(versions, { notes });
  expect(first).toMatchObject({ examined: 60, rewritten: 0, finds: 1 });
  // The first of each path once more, as the base of the next.
  expect(first.reads).toBe(70);
  for (const dryRun of [true, false]) expect(await count(versions, { notes, dryRun })).toMatchObject({ examined: 60, rewritten: 0, bytesBefore: 360_000, bytesAfter: 360_000, finds: 1, reads: 0 });
  // A rehearsal leaves the same notes.
  const others = newNotes();
  await count(versions, { notes: others, dryRun: true });
  expect(await count(versions, { notes: others })).toMatchObject({ reads: 0 });
});

test("what stays whatever its content is, is not read at all", async () => {
  const directory = await newStore();
  const contents = Array.from({ length: 5 }, (_, i) => Buffer.from(random(1000, i).toString("hex")));
  for (const content of contents) await put(directory, { oid: oidOf(content), encoding: "gzip" }, gzipSync(content));
  const { count } = counting(directory);
  expect(await count(assets(contents), {})).toMatchObject({ examined: 5, rewritten: 0, reads: 0 });
  // Too small for a delta, also where there is a version before it.
  expect(await count(history(contents), {})).toMatchObject({ examined: 5, rewritten: 0, reads: 0 });
  expect(await count(assets(contents), { mode: "always" })).toMatchObject({ rewritten: 0, reads: 0 });
  expect(await count(assets(contents), { mode: "never" })).toMatchObject({ rewritten: 5, reads: 5 });
});

test("of large content without a version before it, samples are fetched and no more", async () => {
  const directory = await newStore();
  const noise = random(5 * 1024 * 1024, "noise");
  await putContent(directory, noise);
  const { count } = counting(directory);
  const sampled = await count(assets([noise]), {});
  expect(sampled).toMatchObject({ examined: 1, rewritten: 0 });
  expect(sampled.bytes).toBeLessThanOrEqual(3 * 64 * 1024);
  const text = Buffer.alloc(5 * 1024 * 1024, "what compresses, ");
  await putContent(directory, text);
  expect(await count(assets([text]), {})).toMatchObject({ rewritten: 1 });
  expect(objectNames(directory.root)).toContain(`${oidOf(text)}.gz`);
});

test("notes hold for the object, the base and the rules that they were made for", async () => {
  const directory = await newStore();
  const [a, b] = [random(6000, "a"), random(6000, "b")];
  for (const content of [a, b]) await putContent(directory, content);
  const { count } = counting(directory);
  const notes = newNotes();
  await count(history([a, b]), { notes });
  const looksAgain = async (versions: readonly Version[], wish: Wish): Promise<void> => {
    const saved = readFileSync(notes);
    expect((await count(versions, { ...wish, notes })).reads).toBeGreaterThan(0);
    // And what it learnt was of use, beside what was known.
    expect((await count(versions, { ...wish, notes })).reads).toBe(0);
    expect(readFileSync(notes).length).toBeGreaterThan(saved.length);
    expect((await count(history([a, b]), { notes })).reads).toBe(0);
  };
  await looksAgain(history([b, a]), {});
  await looksAgain(history([a, b]), { maxDepth: 3 });
  await looksAgain([...history([random(6000, "absent"), a, b])].slice(1).map((version) => ({ ...version, previous: undefined })), { mode: "auto", maxDepth: 4 });
  // Cut off: shows in the listing, and is told.
  const key = objectKey({ oid: oidOf(b), encoding: "raw" });
  await directory.remove(key);
  await directory.write(key, bufferSource(b.subarray(1)));
  expect((await count(history([a, b]), { notes })).failed).toHaveLength(1);
});

test("notes that are lost, damaged or cannot be written cost a reading and nothing else", async () => {
  const directory = await newStore();
  const content = random(6000, "a");
  await putContent(directory, content);
  const { count } = counting(directory);
  const notes = newNotes();
  await count(assets([content]), { notes });
  const saved = readFileSync(notes);
  expect(saved.subarray(0, 8).toString()).toBe("BLSTRPK1");
  expect(saved).toHaveLength(24);
  const flipped = Buffer.from(saved);
  flipped[20]! ^= 1;
  for (const damaged of [flipped, saved.subarray(0, 23), saved.subarray(0, 3), Buffer.from("other"), Buffer.alloc(0)]) {
    writeFileSync(notes, damaged);
    expect(await count(assets([content]), { notes })).toMatchObject({ examined: 1, rewritten: 0, reads: 1 });
    expect(await count(assets([content]), { notes })).toMatchObject({ reads: 0 });
  }
  const nowhere = join(notes, "below a file");
  expect(await count(assets([content]), { notes: nowhere })).toMatchObject({ examined: 1, reads: 1 });
});

test("with notes or without: whatever a store holds, and however wishes change, what comes out is the same", async () => {
  const contents = editions(4, "settled", 9000);
  const names: { name: ObjectName; bytes: Buffer }[] = [];
  for (const content of contents) {
    const oid = oidOf(content);
    names.push({ name: { oid, encoding: "raw" }, bytes: content }, { name: { oid, encoding: "gzip" }, bytes: gzipSync(content) });
    for (const base of contents) if (base !== content) names.push({ name: { oid, encoding: "delta", base: oidOf(base) }, bytes: await deltaOf(content, base) });
  }
  const wishes = fc.array(fc.record({ deltas: fc.boolean(), maxDepth: fc.integer({ min: 1, max: 3 }), mode: fc.constantFrom("auto" as const, "never" as const, "always" as const), dryRun: fc.boolean() }), { minLength: 2, maxLength: 5 });
  await fc.assert(
    fc.asyncProperty(fc.subarray([...names.keys()], { minLength: 3, maxLength: 10 }), wishes, fc.shuffledSubarray([0, 1, 2, 3], { minLength: 2 }), async (which, some, order) => {
      const [noting, forgetting] = [await newStore(), await newStore()];
      for (const store of [noting, forgetting]) for (const index of which) await put(store, names[index]!.name, names[index]!.bytes);
      const notes = newNotes();
      const versions = history(order.map((index) => contents[index]!));
      for (const wish of [...some, ...some.slice(-1)]) {
        const { events: noted, ...result } = await run(asRemote(noting), versions, { ...wish, notes });
        const { events, ...expected } = await run(asRemote(forgetting), versions, wish);
        expect(result).toEqual(expected);
        expect(filesIn(noted)).toEqual(filesIn(events));
        expect(objectNames(noting.root)).toEqual(objectNames(forgetting.root));
      }
    }),
    { numRuns: 12 },
  );
});
