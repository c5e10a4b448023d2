import { randomBytes } from "node:crypto";
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { beforeAll, describe, expect, it } from "vitest";
import { objectKey, type ObjectName } from "../../../src/object/name.ts";
import { oidOf } from "../../../src/object/oid.ts";
import type { NewFile, Received } from "../../../src/object/receive.ts";
import { openReceiver, type Receiver } from "../../../src/object/receiver.ts";
import type { DirectoryStore } from "../../../src/store/directory.ts";
import { AUTO, bundleWorker, filesOf, newStore, temporaryDirectory } from "./support.ts";

/* The sources run unbundled here, so the receiver is told where a bundle of the worker is, or works in this thread. */
let workerEntry: URL;

beforeAll(async () => {
  workerEntry = await bundleWorker();
});

const raw = (content: Buffer): ObjectName => ({ oid: oidOf(content), encoding: "raw" });
const fileOf = (temporary: string, { length: sizeBytes }: Buffer, exec = false): NewFile => ({ temporary, exec, label: "art/hero.bin", sizeBytes });

describe.each([
  ["this thread", false],
  ["worker threads", true],
])("a receiver in %s", (_where, threads) => {
  async function receiving(use: (receiver: Receiver, store: DirectoryStore) => Promise<void>): Promise<void> {
    const store = await newStore();
    const receiver = openReceiver(store, { compression: AUTO, concurrency: 4, objects: threads ? 1000 : 1, workerEntry: threads ? workerEntry : undefined });
    try {
      await use(receiver, store);
    } finally {
      await receiver.close();
    }
  }
  const receive = (receiver: Receiver, name: ObjectName, bytes: Uint8Array, files: NewFile[] = [], sizeBytes = bytes.length): Promise<Received> =>
    receiver.receive({ object: { name, key: objectKey(name), sizeBytes, modifiedMs: 0 }, bytes, files });

  it("writes what is what its name says, many at a time, and makes the files of its content", async () => {
    await receiving(async (receiver, store) => {
      const directory = temporaryDirectory();
      const contents = Array.from({ length: 100 }, (_, i) => (i % 2 === 0 ? randomBytes(i * 4000) : Buffer.alloc(i * 100, `${i} `)));
      const results = await Promise.all(contents.map((content, i) => {
        const name: ObjectName = i % 2 === 0 ? raw(content) : { ...raw(content), encoding: "gzip" };
        const bytes = i % 2 === 0 ? Buffer.from(content) : gzipSync(content);
        return receive(receiver, name, Buffer.from(bytes), [fileOf(join(directory, `${i} a`), content, true), fileOf(join(directory, `${i} b`), content)]);
      }));
      contents.forEach((content, i) => {
        expect(results[i]).toEqual({ outcome: "created", made: [join(directory, `${i} a`), join(directory, `${i} b`)] });
        expect(readFileSync(join(directory, `${i} a`)).equals(content)).toBe(true);
        expect(statSync(join(directory, `${i} a`)).mode & 0o100).toBe(0o100);
        expect(readFileSync(join(directory, `${i} b`)).equals(content)).toBe(true);
        expect(statSync(join(directory, `${i} b`)).mode & 0o111).toBe(0);
      });
      expect(filesOf(store)).toEqual({ objects: expect.objectContaining({ length: 100 }), temporary: [] });
      expect(readFileSync(store.pathOf(objectKey(raw(contents[2]!)))).equals(contents[2]!)).toBe(true);
    });
  });

  it("writes nothing of what is not", async () => {
    await receiving(async (receiver, store) => {
      const content = randomBytes(100_000);
      const file = fileOf(join(temporaryDirectory(), "file"), content);
      const other = Buffer.from(content);
      other[50_000]! ^= 1;
      expect(await receive(receiver, raw(content), other, [file])).toMatchObject({ failure: { code: "OBJECT_CORRUPT" } });
      expect(await receive(receiver, raw(content), Buffer.from(content.subarray(1)), [file], 100_000)).toMatchObject({ failure: { code: "OBJECT_CORRUPT", message: expect.stringContaining("99999 bytes where 100000 were listed") } });
      expect(await receive(receiver, { ...raw(content), encoding: "gzip" }, Buffer.from(content), [file])).toMatchObject({ failure: { code: "OBJECT_CORRUPT" } });
      expect(filesOf(store)).toEqual({ objects: [], temporary: [] });
      expect(existsSync(file.temporary)).toBe(false);
    });
  });

  it("says which files could not be made; the object is there even so", async () => {
    await receiving(async (receiver, store) => {
      const content = randomBytes(100_000);
      const directory = temporaryDirectory();
      const [first, taken, size] = [fileOf(join(directory, "first"), content), fileOf(join(directory, "taken"), content), fileOf(join(directory, "size"), Buffer.alloc(99_999))];
      writeFileSync(taken.temporary, "another's");
      const received = await receive(receiver, raw(content), Buffer.from(content), [size, first, taken]);
      expect(received).toMatchObject({ outcome: "created", made: [first.temporary], fileFailure: { message: expect.stringContaining("EEXIST") } });
      expect(readFileSync(taken.temporary, "utf8")).toBe("another's");
      expect(existsSync(size.temporary)).toBe(false);
      expect(filesOf(store).objects).toHaveLength(1);
      expect(await receive(receiver, raw(content), Buffer.from(content))).toEqual({ outcome: "exists", made: [] });
    });
  });

  it("keeps the size of an encoding that it does not know, and makes no file of it", async () => {
    await receiving(async (receiver, store) => {
      const content = randomBytes(100_000);
      const name: ObjectName = { ...raw(content), encoding: "zst" as never };
      const file = fileOf(join(temporaryDirectory(), "file"), content);
      expect(await receive(receiver, name, Buffer.from(content), [file])).toEqual({ outcome: "created", made: [] });
      expect(filesOf(store).objects).toEqual([objectKey(name).split("/").at(-1)]);
    });
  });

  it("leaves alone what shares the memory of the bytes", async () => {
    await receiving(async (receiver) => {
      const all = randomBytes(300_000);
      const content = all.subarray(100_000, 200_000);
      expect(await receive(receiver, raw(content), content)).toMatchObject({ outcome: "created" });
      expect(all.length).toBe(300_000);
      expect(content.length).toBe(100_000);
    });
  });
});

it("starts no thread for a few objects", async () => {
  const store = await newStore();
  const receiver = openReceiver(store, { compression: AUTO, concurrency: 4, objects: 3, workerEntry: new URL("file:///nothing/there.mjs") });
  const content = randomBytes(10);
  expect(await receiver.receive({ object: { name: raw(content), key: objectKey(raw(content)), sizeBytes: 10, modifiedMs: 0 }, bytes: content, files: [] })).toMatchObject({ outcome: "created" });
  await receiver.close();
});
