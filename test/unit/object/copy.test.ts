import { randomBytes } from "node:crypto";
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { describe, expect, it } from "vitest";
import type { CompressionSettings } from "../../../src/config/settings.ts";
import type { Event } from "../../../src/events.ts";
import { copyObject } from "../../../src/object/copy.ts";
import { ingestFile } from "../../../src/object/ingest.ts";
import { objectKey } from "../../../src/object/name.ts";
import { EMPTY_OID, oidOf } from "../../../src/object/oid.ts";
import { bufferSource } from "../../../src/object/source.ts";
import type { DirectoryStore } from "../../../src/store/directory.ts";
import type { Store, StoredObject } from "../../../src/store/port.ts";
import { failure, filesOf, GZIP, newFile, newStore, RAW, remote, temporaryDirectory } from "./support.ts";

const CONTENTS: [string, Buffer, CompressionSettings][] = [
  ["an empty object", Buffer.alloc(0), RAW],
  ["a small raw object", randomBytes(1000), RAW],
  ["a small gzip object", Buffer.from("words and words ".repeat(1000)), GZIP],
  ["a large raw object", randomBytes(6_000_000), RAW],
  ["a large gzip object", randomBytes(6_000_000), GZIP],
];

const WAYS: [string, (store: DirectoryStore) => Store, (store: DirectoryStore) => Store][] = [
  ["directory to directory", (store) => store, (store) => store],
  ["directory to remote", (store) => store, remote],
  ["remote to directory", remote, (store) => store],
  ["remote to remote", remote, remote],
];

async function put(store: DirectoryStore, content: Buffer, compression: CompressionSettings): Promise<StoredObject> {
  const { oid } = await ingestFile(newFile(content), store, compression);
  return (await store.find([oid])).get(oid)![0]!;
}

describe("copying an object", () => {
  for (const [way, from, to] of WAYS) {
    for (const [what, content, compression] of CONTENTS) {
      it(`brings ${what} over, ${way}`, async () => {
        const [source, target] = [await newStore(), await newStore()];
        const object = await put(source, content, compression);
        const events: Event[] = [];
        const report = (event: Event): void => void events.push(event);
        expect(await copyObject(from(source), to(target), object, { report, op: "upload" })).toBe("created");
        expect(readFileSync(target.pathOf(object.key)).equals(readFileSync(source.pathOf(object.key)))).toBe(true);
        expect(events.every((event) => event.kind === "bytes" && event.op === "upload")).toBe(true);
        expect(events.reduce((sum, event) => sum + (event.kind === "bytes" ? event.bytes : 0), 0)).toBe(object.sizeBytes);
        expect(await copyObject(from(source), to(target), object)).toBe("exists");
        expect(filesOf(target)).toEqual({ objects: [object.key.slice(11)], temporary: [] });
      });

      it(`never publishes ${what} that is damaged, ${way}`, async () => {
        const [source, target] = [await newStore(), await newStore()];
        const object = await put(source, content, compression);
        const file = source.pathOf(object.key);
        const good = readFileSync(file);
        const flipped = Buffer.from(good);
        flipped[good.length - 1]! ^= 1;
        const damages = good.length === 0 ? [Buffer.from("!")] : [flipped, good.subarray(0, -1), Buffer.concat([good, good])];
        for (const damaged of damages) {
          writeFileSync(file, damaged);
          // What a listing says after the damage, and what it said before.
          for (const listed of [{ ...object, sizeBytes: damaged.length }, object]) {
            await failure(copyObject(from(source), to(target), listed), "OBJECT_CORRUPT");
          }
        }
        rmSync(file);
        await failure(copyObject(from(source), to(target), object), "OBJECT_MISSING");
        expect(filesOf(target)).toEqual({ objects: [], temporary: [] });
      });
    }
  }

  it("does not let a source that changes after its verification through", async () => {
    const [source, target] = [await newStore(), await newStore()];
    const object = await put(source, randomBytes(6_000_000), GZIP);
    const late: Store = {
      ...remote(target),
      write: (key, bytes, signal) => {
        const damaged = readFileSync(source.pathOf(key));
        damaged[3_000_000]! ^= 1;
        writeFileSync(source.pathOf(key), damaged);
        return target.write(key, bytes, signal);
      },
    };
    await failure(copyObject(source, late, object), "OBJECT_CORRUPT");
    expect(filesOf(target).objects).toEqual([]);
  });

  it("leaves nothing in the spool directory", async () => {
    const [source, target] = [await newStore(), await newStore()];
    const object = await put(source, randomBytes(6_000_000), RAW);
    const spoolDirectory = temporaryDirectory();
    await copyObject(remote(source), remote(target), object, { spoolDirectory });
    expect(readdirSync(spoolDirectory)).toEqual([]);
    expect(tmpdir()).not.toBe(spoolDirectory);
  });

  it("ends with the signal's reason and publishes nothing", async () => {
    for (const [, from, to] of WAYS) {
      const [source, target] = [await newStore(), await newStore()];
      const object = await put(source, randomBytes(6_000_000), RAW);
      const reason = new Error("the user has gone");
      await expect(copyObject(from(source), to(target), object, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
      const controller = new AbortController();
      const report = (): void => controller.abort(reason);
      await expect(copyObject(from(source), to(target), object, { report, signal: controller.signal })).rejects.toBe(reason);
      expect(filesOf(target)).toEqual({ objects: [], temporary: [] });
    }
  });
});

describe("copying many small objects", () => {
  it("is safe at the same time, also of one object", async () => {
    const [source, target] = [await newStore(), await newStore()];
    const content = randomBytes(10_000);
    await source.write(objectKey({ oid: oidOf(content), encoding: "raw" }), bufferSource(content));
    await source.write(objectKey({ oid: EMPTY_OID, encoding: "raw" }), bufferSource(Buffer.alloc(0)));
    const found = await source.find([oidOf(content), EMPTY_OID]);
    const objects = [...found.values()].flat().flatMap((object) => Array.from({ length: 10 }, () => object));
    const outcomes = await Promise.all(objects.map((object) => copyObject(source, target, object)));
    expect(outcomes.filter((outcome) => outcome === "created")).toHaveLength(2);
    expect(filesOf(target).temporary).toEqual([]);
  });
});
