import { createHash } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import { BallastError } from "../../src/errors.ts";
import { objectKey, type ObjectName } from "../../src/object/name.ts";
import { oidOf, type Oid } from "../../src/object/oid.ts";
import { bufferSource } from "../../src/object/source.ts";
import type { ByteRange, ByteSource, Entry, Store } from "../../src/store/port.ts";

const MIB = 1024 * 1024;

/**
 * What every store must do, whatever it is made of; see the comments in `src/store/port.ts`.
 * @param makeStore a new, empty store for each call; it is closed by the suite
 */
export function storeContract(name: string, makeStore: () => Promise<Store>): void {
  describe(`${name} as a store`, () => {
    const opened: Store[] = [];

    async function open(): Promise<Store> {
      const store = await makeStore();
      opened.push(store);
      return store;
    }

    afterEach(() => {
      for (const store of opened.splice(0)) store.close();
    });

    describe("write", () => {
      it("creates an object that reads back as it was", async () => {
        const store = await open();
        const { key, bytes } = rawObject("some content");
        expect(await store.write(key, bufferSource(bytes))).toBe("created");
        expect(await collect(store.read(key))).toEqual(bytes);
      });

      it("accepts the SHA-256 that the caller already knows", async () => {
        const store = await open();
        const { key, bytes } = rawObject("known content");
        expect(await store.write(key, bufferSource(bytes, sha256(bytes)))).toBe("created");
      });

      it("holds an empty object", async () => {
        const store = await open();
        const { key, bytes, oid } = rawObject("");
        expect(await store.write(key, bufferSource(bytes))).toBe("created");
        expect(await collect(store.read(key))).toEqual(bytes);
        expect((await store.find([oid])).get(oid)?.map((object) => object.sizeBytes)).toEqual([0]);
      });

      it("never replaces what is there", async () => {
        const store = await open();
        const { key, bytes } = rawObject("first");
        await store.write(key, bufferSource(bytes));
        expect(await store.write(key, bufferSource(Buffer.from("second")))).toBe("exists");
        expect(await collect(store.read(key))).toEqual(bytes);
      });

      it("has one winner among many writers of a key, and the winner's bytes", async () => {
        const store = await open();
        const contents = Array.from({ length: 8 }, (_, i) => Buffer.from(`writer ${i} `.repeat(1000)));
        const outcomes = await Promise.all(contents.map((content) => store.write("locks/race.json", bufferSource(content))));
        expect(outcomes.filter((outcome) => outcome === "created")).toHaveLength(1);
        expect(await collect(store.read("locks/race.json"))).toEqual(contents[outcomes.indexOf("created")]);
      });

      it("holds a large object and returns any part of it", async () => {
        const store = await open();
        const bytes = pseudoRandom(37 * MIB + 123, "large");
        const key = objectKey({ oid: oidOf(bytes), encoding: "raw" });
        expect(await store.write(key, bufferSource(bytes))).toBe("created");
        expect(sha256(await collect(store.read(key)))).toBe(sha256(bytes));
        for (const range of [
          { start: 0, end: 1 },
          { start: 5 * MIB - 1, end: 5 * MIB + 1 },
          { start: 20 * MIB, end: bytes.length },
          { start: bytes.length - 1, end: bytes.length },
        ]) {
          expect((await collect(store.read(key, range))).equals(bytes.subarray(range.start, range.end))).toBe(true);
        }
        expect(await store.write(key, bufferSource(bytes))).toBe("exists");
      });

      it("leaves nothing behind when the source fails, and succeeds the next time", async () => {
        const store = await open();
        for (const sizeBytes of [64 * 1024, 18 * MIB]) {
          const bytes = pseudoRandom(sizeBytes, `fails ${sizeBytes}`);
          const key = objectKey({ oid: oidOf(bytes), encoding: "raw" });
          const failure = new Error("the disk went away");
          await expect(store.write(key, failingSource(bytes, sizeBytes / 2, failure))).rejects.toBe(failure);
          expect(await keys(store.list("objects/"))).not.toContain(key);
          expect(await store.write(key, bufferSource(bytes))).toBe("created");
          expect(sha256(await collect(store.read(key)))).toBe(sha256(bytes));
        }
      });

      it("refuses a source whose bytes are not the announced ones", async () => {
        const store = await open();
        const { key, bytes } = rawObject("announced content");
        const wrong: ByteSource[] = [
          { ...bufferSource(bytes), sizeBytes: bytes.length + 1, open: () => bufferSource(bytes).open({ start: 0, end: bytes.length }) },
          bufferSource(bytes, sha256("something else")),
        ];
        for (const source of wrong) {
          await expectCode(store.write(key, source), "OBJECT_CORRUPT");
          expect(await keys(store.list(""))).not.toContain(key);
        }
      });

      it("refuses a large source whose bytes are not the announced ones", async () => {
        const store = await open();
        const bytes = pseudoRandom(18 * MIB, "large and wrong");
        const key = objectKey({ oid: oidOf(bytes), encoding: "raw" });
        await expectCode(store.write(key, bufferSource(bytes, sha256("something else"))), "OBJECT_CORRUPT");
        expect(await keys(store.list(""))).not.toContain(key);
      });
    });

    describe("read", () => {
      it("says which key is missing", async () => {
        const store = await open();
        const { key } = rawObject("never written");
        const error = await expectCode(collect(store.read(key)), "OBJECT_MISSING");
        expect(error.message).toContain(key);
        await expectCode(collect(store.read(key, { start: 3, end: 9 })), "OBJECT_MISSING");
        await expectCode(collect(store.read(key, { start: 0, end: 0 })), "OBJECT_MISSING");
      });

      it("returns the bytes of any range, cut at the object's end", async () => {
        const store = await open();
        const bytes = pseudoRandom(10_000, "ranges");
        const key = objectKey({ oid: oidOf(bytes), encoding: "raw" });
        await store.write(key, bufferSource(bytes));
        const offset = fc.integer({ min: 0, max: bytes.length + 10 });
        await fc.assert(
          fc.asyncProperty(offset, offset, async (a, b) => {
            const range = { start: Math.min(a, b), end: Math.max(a, b) };
            expect(await collect(store.read(key, range))).toEqual(bytes.subarray(range.start, range.end));
          }),
          { numRuns: 25 },
        );
      });

      it("lends the chunks of large objects, to several readers at once and whatever becomes of the others", async () => {
        const store = await open();
        const bytes = pseudoRandom(75 * MIB + 5, "lent");
        const key = objectKey({ oid: oidOf(bytes), encoding: "raw" });
        await store.write(key, bufferSource(bytes));
        const leave = new AbortController();
        const hash = async (paused: number, until: number, signal?: AbortSignal): Promise<number> => {
          const hasher = createHash("sha256");
          let sizeBytes = 0;
          for await (const chunk of store.read(key, undefined, signal, "lent")) {
            // It is what it is until the next one is asked for.
            if (paused > 0 && chunk.length >= MIB) await pause(paused);
            expect(Buffer.compare(chunk, bytes.subarray(sizeBytes, sizeBytes + chunk.length))).toBe(0);
            hasher.update(chunk);
            sizeBytes += chunk.length;
            if (sizeBytes > until) return sizeBytes;
          }
          expect(hasher.digest("hex")).toBe(sha256(bytes));
          return sizeBytes;
        };
        const aborted = hash(0, Infinity, leave.signal).catch((error: unknown) => error);
        const [whole, left] = await Promise.all([hash(20, Infinity), hash(0, 50 * MIB), hash(0, Infinity).then(() => leave.abort(new Error("enough")))]);
        expect([whole, left! > 50 * MIB]).toEqual([bytes.length, true]);
        await aborted;
        expect(await hash(250, Infinity)).toBe(bytes.length);
      });

      it("can be left early, many times over", async () => {
        const store = await open();
        const bytes = pseudoRandom(3 * MIB, "left early");
        const key = objectKey({ oid: oidOf(bytes), encoding: "raw" });
        await store.write(key, bufferSource(bytes));
        for (let i = 0; i < 100; i++) {
          for await (const chunk of store.read(key)) {
            expect(chunk.length).toBeGreaterThan(0);
            break;
          }
        }
        expect((await collect(store.read(key))).equals(bytes)).toBe(true);
      });
    });

    describe("find", () => {
      it("returns every encoding of each wanted object and nothing else", async () => {
        const store = await open();
        const [a, b, c, absent] = ["a", "b", "c", "absent"].map((text) => oidOf(Buffer.from(text))) as [Oid, Oid, Oid, Oid];
        const names: ObjectName[] = [
          { oid: a, encoding: "raw" },
          { oid: a, encoding: "gzip" },
          { oid: a, encoding: "delta", base: b },
          { oid: b, encoding: "gzip" },
          { oid: c, encoding: "delta+gzip", base: a },
        ];
        for (const [i, name] of names.entries()) await store.write(objectKey(name), bufferSource(Buffer.alloc(i + 1)));
        const before = Date.now();
        const found = await store.find([a, b, absent]);
        expect([...found.keys()].sort()).toEqual([a, b].sort());
        expect(found.get(a)!.map((object) => object.key).sort()).toEqual(names.slice(0, 3).map(objectKey).sort());
        const [only] = found.get(b)!;
        expect(only).toMatchObject({ key: objectKey(names[3]!), name: names[3], sizeBytes: 4 });
        expect(Math.abs(only!.modifiedMs - before)).toBeLessThan(10 * 60 * 1000);
      });

      it("does not take something else for an object", async () => {
        const store = await open();
        const { key, bytes, oid } = rawObject("stranger");
        await store.write(`${key}.unknown`, bufferSource(bytes));
        expect(await store.find([oid])).toEqual(new Map());
      });

      it("answers for no object and for many", async () => {
        const store = await open();
        const there = Array.from({ length: 40 }, (_, i) => rawObject(`there ${i}`));
        const absent = Array.from({ length: 60 }, (_, i) => rawObject(`absent ${i}`).oid);
        await Promise.all(there.map(({ key, bytes }) => store.write(key, bufferSource(bytes))));
        expect(await store.find([])).toEqual(new Map());
        const found = await store.find([...there.map(({ oid }) => oid), ...absent]);
        expect([...found.keys()].sort()).toEqual(there.map(({ oid }) => oid).sort());
      });
    });

    describe("list", () => {
      it("returns the keys below a prefix in the order of their bytes", async () => {
        const store = await open();
        const all = ["ballast.json", "gc/1.json", "gc/10.json", "gc/2.json", "locks/A.json", "locks/a.json", "objects/0a/x", "objects/0a.y", "objects/ff/z"];
        for (const key of [...all].reverse()) await store.replace(key, Buffer.from(key));
        expect(await keys(store.list(""))).toEqual([...all].sort((x, y) => Buffer.compare(Buffer.from(x), Buffer.from(y))));
        expect(await keys(store.list("gc/"))).toEqual(["gc/1.json", "gc/10.json", "gc/2.json"]);
        expect(await keys(store.list("gc/1"))).toEqual(["gc/1.json", "gc/10.json"]);
        expect(await keys(store.list("nothing/"))).toEqual([]);
      });

      it("tells sizes and times", async () => {
        const store = await open();
        await store.replace("gc/sized.json", Buffer.alloc(77));
        const [entry] = await all(store.list("gc/"));
        expect(entry).toMatchObject({ key: "gc/sized.json", sizeBytes: 77 });
        expect(entry!.archived ?? false).toBe(false);
        expect(Math.abs(entry!.modifiedMs - Date.now())).toBeLessThan(10 * 60 * 1000);
      });
    });

    describe("replace and remove", () => {
      it("replaces a control file whole", async () => {
        const store = await open();
        await store.replace("gc/mark.json", Buffer.from("a longer first version"));
        await store.replace("gc/mark.json", Buffer.from("second"));
        expect((await collect(store.read("gc/mark.json"))).toString()).toBe("second");
      });

      it("removes an object, twice if asked, and lets it be written again", async () => {
        const store = await open();
        const { key, bytes, oid } = rawObject("removed");
        await store.write(key, bufferSource(bytes));
        await store.remove(key);
        await store.remove(key);
        expect(await store.find([oid])).toEqual(new Map());
        await expectCode(collect(store.read(key)), "OBJECT_MISSING");
        expect(await store.write(key, bufferSource(bytes))).toBe("created");
      });
    });

    describe("an abort", () => {
      it("ends every method with the signal's reason", async () => {
        const store = await open();
        const { key, bytes, oid } = rawObject("aborted");
        const reason = new Error("the user has gone");
        const signal = AbortSignal.abort(reason);
        await expect(store.write(key, bufferSource(bytes), signal)).rejects.toBe(reason);
        await expect(store.replace("gc/a.json", bytes, signal)).rejects.toBe(reason);
        await expect(store.remove(key, signal)).rejects.toBe(reason);
        await expect(store.find([oid], signal)).rejects.toBe(reason);
        await expect(all(store.list("", signal))).rejects.toBe(reason);
        await expect(collect(store.read(key, undefined, signal))).rejects.toBe(reason);
        expect(await keys(store.list(""))).not.toContain(key);
      });

      it("in the middle of a write leaves no object", async () => {
        const store = await open();
        const bytes = pseudoRandom(20 * MIB, "aborted midway");
        const key = objectKey({ oid: oidOf(bytes), encoding: "raw" });
        const reason = new Error("stop");
        const controller = new AbortController();
        const source: ByteSource = {
          sizeBytes: bytes.length,
          async *open({ start, end }: ByteRange) {
            for (let at = start; at < end; at += MIB) {
              if (at >= 12 * MIB) controller.abort(reason);
              yield bytes.subarray(at, Math.min(end, at + MIB));
            }
          },
        };
        await expect(store.write(key, source, controller.signal)).rejects.toBe(reason);
        expect(await keys(store.list("objects/"))).not.toContain(key);
        expect(await store.write(key, bufferSource(bytes))).toBe("created");
      });

      it("in the middle of a read ends it", async () => {
        const store = await open();
        const bytes = pseudoRandom(40 * MIB, "read midway");
        const key = objectKey({ oid: oidOf(bytes), encoding: "raw" });
        await store.write(key, bufferSource(bytes));
        const reason = new Error("enough");
        const controller = new AbortController();
        async function readSome(): Promise<void> {
          let sizeBytes = 0;
          for await (const chunk of store.read(key, undefined, controller.signal)) {
            sizeBytes += chunk.length;
            if (sizeBytes > 10 * MIB) controller.abort(reason);
          }
        }
        await expect(readSome()).rejects.toBe(reason);
      });
    });
  });
}

/** The raw object of a text. */
export function rawObject(text: string): { key: string; bytes: Buffer; oid: Oid } {
  const bytes = Buffer.from(text);
  const oid = oidOf(bytes);
  return { key: objectKey({ oid, encoding: "raw" }), bytes, oid };
}

/** Bytes that do not compress and depend on `seed` alone. */
export function pseudoRandom(sizeBytes: number, seed: string): Buffer {
  return createHash("shake256", { outputLength: sizeBytes }).update(seed).digest();
}

/** All bytes of a read. */
export async function collect(bytes: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of bytes) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** Awaits a failure of ours and returns it. */
export async function expectCode(promise: Promise<unknown>, code: BallastError["code"]): Promise<BallastError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(BallastError);
  expect((error as BallastError).code).toBe(code);
  return error as BallastError;
}

/** SHA-256 in hex. */
export function sha256(content: Uint8Array | string): string {
  return createHash("sha256").update(content).digest("hex");
}

async function all(entries: AsyncIterable<Entry>): Promise<Entry[]> {
  const result: Entry[] = [];
  for await (const entry of entries) result.push(entry);
  return result;
}

/** The keys of a listing, in its order. */
export async function keys(entries: AsyncIterable<Entry>): Promise<string[]> {
  return (await all(entries)).map((entry) => entry.key);
}

/** A source that throws once it has given `goodBytes`. */
function failingSource(bytes: Buffer, goodBytes: number, failure: Error): ByteSource {
  return {
    sizeBytes: bytes.length,
    async *open({ start, end }) {
      if (start < goodBytes) yield bytes.subarray(start, Math.min(end, goodBytes));
      if (end > goodBytes) throw failure;
    },
  };
}
