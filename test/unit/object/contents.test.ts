import { randomBytes } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { Contents, contentsOf } from "../../../src/object/contents.ts";
import { decodeVerified, verify } from "../../../src/object/encodings.ts";
import { gzipWhole } from "../../../src/object/gzip.ts";
import { copyObject } from "../../../src/object/copy.ts";
import { materialise } from "../../../src/object/materialise.ts";
import { formatName, objectKey, type Encoding, type ObjectName } from "../../../src/object/name.ts";
import { oidOf, type Oid } from "../../../src/object/oid.ts";
import { openDirectoryStore, type DirectoryStore } from "../../../src/store/directory.ts";
import type { RandomAccess } from "../../../src/util/random-access.ts";
import { file, varint, window } from "../delta/vcdiff-writer.ts";
import { collect, failure, filesOf, newStore, pieces, remote, temporaryDirectory } from "./support.ts";

/** More than is kept in memory. */
const LARGE = 5_000_000;

/** Puts an object under the name that it claims, right or wrong. */
function put(store: DirectoryStore, name: ObjectName, bytes: Uint8Array): string {
  const path = store.pathOf(objectKey(name));
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, bytes);
  return path;
}

function putWhole(store: DirectoryStore, content: Uint8Array, encoding: "raw" | "gzip"): Oid {
  const oid = oidOf(content);
  put(store, { oid, encoding }, encoding === "raw" ? content : gzipWhole(content, { engine: "zlib", level: 1 }));
  return oid;
}

/** A delta that appends `more` to the whole base. */
function appending(baseBytes: number, more: string): Buffer {
  return file(window({
    source: { bytes: baseBytes, position: 0 }, targetBytes: baseBytes + more.length, data: more,
    instructions: [...(baseBytes > 0 ? [19, ...varint(baseBytes)] : []), 1, ...varint(more.length)], addresses: baseBytes > 0 ? [0] : [],
  }));
}

function putAppended(store: DirectoryStore, base: Uint8Array, more: string, encoding: Encoding = "delta"): { content: Buffer; name: ObjectName } {
  const content = Buffer.concat([base, Buffer.from(more)]);
  const delta = appending(base.length, more);
  const name: ObjectName = { oid: oidOf(content), encoding, base: oidOf(base) };
  put(store, name, encoding === "delta" ? delta : gzipWhole(delta, { engine: "zlib", level: 9 }));
  return { content, name };
}

function bytesOf(access: RandomAccess): Buffer {
  const bytes = Buffer.alloc(access.sizeBytes);
  access.read(bytes, 0);
  return bytes;
}

async function contentOf(contents: Contents, oid: Oid): Promise<Buffer> {
  const access = await contents.open(oid);
  try {
    return bytesOf(access);
  } finally {
    access.close();
  }
}

/** How many temporary files this process holds open, with or without a name. */
function openTemporaries(store: DirectoryStore): number {
  return openDescriptors().filter((target) => target.startsWith(join(store.root, "tmp"))).length;
}

function openDescriptors(): string[] {
  return readdirSync("/proc/self/fd").flatMap((fd) => {
    try {
      return [readlinkSync(`/proc/self/fd/${fd}`)];
    } catch {
      return [];
    }
  });
}

const linux = process.platform === "linux";

describe("the contents of a store", () => {
  for (const [what, content] of Object.entries({ empty: Buffer.alloc(0), small: randomBytes(1000), large: randomBytes(LARGE) })) {
    it(`are there at any position: ${what}, raw, gzip, delta and delta+gzip`, async () => {
      for (const encoding of ["raw", "gzip"] as const) {
        const store = await newStore();
        const contents = new Contents([store]);
        const oid = putWhole(store, content, encoding);
        const first = putAppended(store, content, "1");
        const second = putAppended(store, first.content, "22", "delta+gzip");
        expect((await contentOf(contents, oid)).equals(content)).toBe(true);
        const access = await contents.open(second.name.oid);
        expect(bytesOf(access).equals(second.content)).toBe(true);
        const piece = Buffer.alloc(2);
        access.read(piece, content.length + 1);
        expect(piece.toString()).toBe("22");
        expect(() => access.read(piece, content.length + 2)).toThrow(RangeError);
        access.close();
        contents.close();
        expect(filesOf(store).temporary).toEqual([]);
        if (linux) expect(openTemporaries(store)).toBe(0);
      }
    });
  }

  it("follow chains of 300 deltas, and refuse one that never seems to end", async () => {
    const store = await newStore();
    let content: Buffer = Buffer.from("a beginning");
    putWhole(store, content, "gzip");
    let name: ObjectName | undefined;
    for (let depth = 1; depth <= 1010; depth++) {
      ({ content, name } = putAppended(store, content, "."));
      if (depth === 300) expect((await contentOf(new Contents([store]), name.oid)).equals(content)).toBe(true);
    }
    const error = await failure(new Contents([store]).open(name!.oid), "OBJECT_CORRUPT");
    expect(error.message).toMatch(/more than 1000 deltas/);
  });

  it("are decoded once for all who want them at the same time, and for those who come soon", async () => {
    const store = await newStore();
    const base = randomBytes(LARGE);
    const path = store.pathOf(objectKey({ oid: putWhole(store, base, "gzip"), encoding: "gzip" }));
    const deltas = Array.from({ length: 20 }, (_, i) => putAppended(store, base, `version ${i}`));
    const contents = new Contents([store]);
    const accesses = await Promise.all(deltas.map(() => contents.open(oidOf(base))));
    if (linux) expect(openTemporaries(store)).toBe(1);
    // From here on nobody can decode it again.
    rmSync(path);
    for (const access of accesses) access.close();
    for (const { name, content } of deltas) expect((await collect(decodeVerified(name, store.read(objectKey(name)), { openBase: contents.open }))).equals(content)).toBe(true);
    if (linux) expect(openTemporaries(store)).toBe(1);
    contents.close();
    if (linux) expect(openTemporaries(store)).toBe(0);
    await failure(contents.open(oidOf(base)), "OBJECT_MISSING");
  });

  it("keep few files when nobody uses them, and what is open until it is closed", async () => {
    const store = await newStore();
    const all = Array.from({ length: 8 }, () => randomBytes(LARGE));
    const oids = all.map((content) => putWhole(store, content, "gzip"));
    const contents = new Contents([store]);
    const accesses = [];
    for (const oid of oids) accesses.push(await contents.open(oid));
    if (linux) expect(openTemporaries(store)).toBe(8);
    contents.close();
    for (const [i, access] of accesses.entries()) expect(bytesOf(access).equals(all[i]!)).toBe(true);
    for (const access of accesses) access.close();
    for (const access of accesses) access.close();
    if (linux) expect(openTemporaries(store)).toBe(0);
    const others = new Contents([store]);
    for (const oid of oids) (await others.open(oid)).close();
    if (linux) expect(openTemporaries(store)).toBe(4);
    others.close();
  });

  it("come from any of several stores, each link from wherever it is", async () => {
    const [first, second] = [await newStore(), await newStore()];
    const base = randomBytes(2000);
    putWhole(second, base, "gzip");
    const one = putAppended(first, base, "1");
    const two = putAppended(second, one.content, "2");
    const contents = new Contents([first, second]);
    expect((await contentOf(contents, two.name.oid)).equals(two.content)).toBe(true);
    await failure(new Contents([second]).open(two.name.oid), "OBJECT_MISSING");
  });

  it("are temporarily kept where the caller wants it", async () => {
    const [store, home] = [await newStore(), await newStore()];
    const base = randomBytes(LARGE);
    const contents = new Contents([store], { temporaryIn: home });
    const access = await contents.open(putWhole(store, base, "gzip"));
    if (linux) expect([openTemporaries(store), openTemporaries(home)]).toEqual([0, 1]);
    access.close();
    contents.close();
  });
});

describe("an object that cannot be had", () => {
  it("is named: missing, its base missing, a base's base missing", async () => {
    const store = await newStore();
    const base = Buffer.from("never stored");
    const one = putAppended(store, base, "1");
    const two = putAppended(store, one.content, "2");
    for (const oid of [oidOf(base), one.name.oid, two.name.oid]) {
      const error = await failure(new Contents([store]).open(oid), "OBJECT_MISSING");
      expect(error.message).toContain(oidOf(base));
    }
    await failure(materialise(store, two.name, join(temporaryDirectory(), "x"), { exec: false, expectedSize: two.content.length }), "OBJECT_MISSING");
    await failure(new Contents([openDirectoryStore(join(temporaryDirectory(), "no store"))]).open(oidOf(base)), "STORE_MISSING");
  });

  it("is refused when deltas stand on each other in a circle, also when all are wanted at once", async () => {
    const store = await newStore();
    const oids = Array.from({ length: 5 }, (_, i) => oidOf(Buffer.from(`member ${i}`)));
    for (const [i, oid] of oids.entries()) put(store, { oid, encoding: "delta", base: oids[(i + 1) % oids.length]! }, appending(3, "x"));
    const contents = new Contents([store]);
    for (const oid of oids) expect((await failure(contents.open(oid), "OBJECT_CORRUPT")).message).toMatch(/needs itself/);
    const outcomes = await Promise.all(oids.map((oid) => failure(contents.open(oid), "OBJECT_CORRUPT")));
    for (const { message } of outcomes) expect(message).toMatch(/needs itself/);
  });

  it("comes by another way where a circle has one", async () => {
    const store = await newStore();
    const base = randomBytes(100);
    const { content, name } = putAppended(store, base, "more");
    put(store, { oid: oidOf(base), encoding: "delta", base: name.oid }, file(window({ source: { bytes: 104, position: 0 }, targetBytes: 100, instructions: [19, 100], addresses: [0] })));
    put(store, { oid: oidOf(base), encoding: "delta+gzip", base: putWhole(store, Buffer.alloc(1), "raw") }, gzipWhole(file(window({ targetBytes: 100, data: base, instructions: [1, 100] })), { engine: "zlib", level: 1 }));
    expect((await contentOf(new Contents([store]), name.oid)).equals(content)).toBe(true);
    expect((await contentOf(new Contents([store]), oidOf(base))).equals(base)).toBe(true);
  });

  it("is told of at once in a thicket of broken deltas, where there are a billion ways to nothing", async () => {
    const store = await newStore();
    const level = (depth: number): Oid[] => ["left", "right"].map((side) => oidOf(Buffer.from(`${side} ${depth}`)));
    for (let depth = 0; depth < 30; depth++) {
      for (const oid of level(depth)) for (const base of level(depth + 1)) put(store, { oid, encoding: "delta", base }, appending(3, "x"));
    }
    await failure(new Contents([store]).open(level(0)[0]!), "OBJECT_MISSING");
  });

  it("is named when a raw base has rotted: by whoever decodes the delta, and by an opener who wants it verified", async () => {
    for (const sizeBytes of [1000, LARGE]) {
      const store = await newStore();
      const base = randomBytes(sizeBytes);
      const oid = putWhole(store, base, "raw");
      const { name, content } = putAppended(store, base, "and more");
      const two = putAppended(store, content, "!", "delta+gzip");
      const rotten = Buffer.from(base);
      rotten[500]! ^= 1;
      put(store, { oid, encoding: "raw" }, rotten);
      const contents = new Contents([store]);
      (await contents.open(oid)).close();
      for (const attempt of [
        () => contents.open(oid, { verified: true }),
        () => contents.open(name.oid),
        () => contents.open(two.name.oid),
        () => verify(name, store.read(objectKey(name)), { openBase: contents.open }),
        () => materialise(store, two.name, join(temporaryDirectory(), "x"), { exec: false, expectedSize: two.content.length }),
        () => materialise(store, name, join(temporaryDirectory(), "x"), { exec: false, expectedSize: content.length, openBase: contents.open }),
      ]) {
        const error = await failure(attempt(), "OBJECT_CORRUPT");
        expect(error.message).toContain(`object ${oid} is damaged`);
      }
      // Another encoding of the base is good, and is found by those who want it verified.
      putWhole(store, base, "gzip");
      const access = await contents.open(oid, { verified: true });
      expect(bytesOf(access).equals(base)).toBe(true);
      access.close();
      const openBase = (wanted: Oid) => contents.open(wanted, { verified: true });
      expect(await verify(two.name, store.read(objectKey(two.name)), { openBase })).toBe(two.content.length);
      contents.close();
    }
  });

  it("gives way to another encoding where its own is damaged", async () => {
    const store = await newStore();
    const base = randomBytes(3000);
    const { name, content } = putAppended(store, base, "more");
    put(store, { oid: oidOf(base), encoding: "gzip" }, Buffer.from("no gzip"));
    expect((await failure(new Contents([store]).open(name.oid), "OBJECT_CORRUPT")).message).toContain(formatName({ oid: oidOf(base), encoding: "gzip" }));
    const other = Buffer.from("another base");
    putWhole(store, other, "raw");
    put(store, { oid: oidOf(base), encoding: "delta", base: oidOf(other) }, file(window({ targetBytes: 3000, data: base, instructions: [1, ...varint(3000)] })));
    expect((await contentOf(new Contents([store]), name.oid)).equals(content)).toBe(true);
  });

  it("leaves nothing behind on an abort", async () => {
    const store = await newStore();
    const base = randomBytes(2 * LARGE);
    const controller = new AbortController();
    const reason = new Error("the user has gone");
    const contents = new Contents([store], { signal: controller.signal });
    const pending = contents.open(putWhole(store, base, "gzip"));
    setTimeout(() => controller.abort(reason), 5);
    await expect(pending).rejects.toBe(reason);
    if (linux) expect(openTemporaries(store)).toBe(0);
    expect(filesOf(store).temporary).toEqual([]);
  });
});

describe("a delta", () => {
  it("is materialised, small and large, from its store alone", async () => {
    for (const sizeBytes of [0, 1000, LARGE]) {
      const store = await newStore();
      const base = randomBytes(sizeBytes);
      putWhole(store, base, sizeBytes > 1000 ? "gzip" : "raw");
      for (const encoding of ["delta", "delta+gzip"] as const) {
        const { name, content } = putAppended(store, base, `as ${encoding}`, encoding);
        const path = join(temporaryDirectory(), "restored");
        await materialise(store, name, path, { exec: false, expectedSize: content.length });
        expect(readFileSync(path).equals(content)).toBe(true);
        await failure(materialise(store, name, `${path}2`, { exec: false, expectedSize: content.length - 1 }), "OBJECT_CORRUPT");
      }
      expect(filesOf(store).temporary).toEqual([]);
    }
  });

  it("is copied only if it decodes, where either store has its base as a file", async () => {
    const [from, to] = [await newStore(), await newStore()];
    const base = randomBytes(10_000);
    putWhole(from, base, "gzip");
    const { name } = putAppended(from, base, "more");
    const wrong: ObjectName = { oid: oidOf(Buffer.from("not what it makes")), encoding: "delta", base: oidOf(base) };
    put(from, wrong, appending(base.length, "more"));
    const [object] = (await from.find([name.oid])).get(name.oid)!;
    const [bad] = (await from.find([wrong.oid])).get(wrong.oid)!;
    expect(await copyObject(from, to, object!)).toBe("created");
    await failure(copyObject(from, to, bad!), "OBJECT_CORRUPT");
    expect(filesOf(to)).toEqual({ objects: [formatName(name)], temporary: [] });
    const bucket = async () => remote(await newStore());
    expect(await copyObject(from, await bucket(), object!)).toBe("created");
    await failure(copyObject(from, await bucket(), bad!), "OBJECT_CORRUPT");
    // No file of this machine has the base: then its length is all that can be checked.
    rmSync(from.pathOf(objectKey({ oid: oidOf(base), encoding: "gzip" })));
    expect(await copyObject(from, await bucket(), bad!)).toBe("created");
    await failure(copyObject(from, await bucket(), { ...object!, sizeBytes: object!.sizeBytes + 1 }), "OBJECT_CORRUPT");
    expect(contentsOf([await bucket()])).toBeUndefined();
    // What the caller knows of bases counts before what the stores have.
    const elsewhere = await newStore();
    putWhole(elsewhere, base, "raw");
    const contents = new Contents([elsewhere]);
    await failure(copyObject(from, await bucket(), bad!, { openBase: contents.open }), "OBJECT_CORRUPT");
    expect(await copyObject(from, await bucket(), object!, { openBase: contents.open })).toBe("created");
  });

  it("names its object when it uses what cannot be decoded", async () => {
    const store = await newStore();
    const base = randomBytes(10);
    putWhole(store, base, "raw");
    const name: ObjectName = { oid: oidOf(Buffer.from("x")), encoding: "delta", base: oidOf(base) };
    const error = await failure(verify(name, pieces(Buffer.from("d6c3c4000102", "hex"), 3), { openBase: new Contents([store]).open }), "ENCODING_UNKNOWN");
    expect(error.message).toContain(formatName(name));
  });
});
