import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { describe, expect, it } from "vitest";
import { objectKey } from "../../../src/object/name.ts";
import { oidOf } from "../../../src/object/oid.ts";
import { readEncoded } from "../../../src/object/read-encoded.ts";
import { noise } from "../delta/edits.ts";
import { collect, failure, newStore, remote } from "./support.ts";

const MIB = 1024 * 1024;

describe("reading an object", () => {
  it.each([0, 1, MIB - 1, MIB, 2 * MIB, 5 * MIB + 17])("of %d bytes gives what the store has, from a directory and from elsewhere", async (sizeBytes) => {
    const store = await newStore();
    const content = noise(sizeBytes, sizeBytes);
    const key = objectKey({ oid: oidOf(content), encoding: "raw" });
    mkdirSync(dirname(store.pathOf(key)), { recursive: true });
    writeFileSync(store.pathOf(key), content);
    for (const each of [store, remote(store)]) expect((await collect(readEncoded(each, key))).equals(content)).toBe(true);
  });

  it("of a large directory object takes two buffers, and readers after it the same ones", async () => {
    const store = await newStore();
    const content = noise(9 * MIB, 1);
    const key = objectKey({ oid: oidOf(content), encoding: "raw" });
    mkdirSync(dirname(store.pathOf(key)), { recursive: true });
    writeFileSync(store.pathOf(key), content);
    const buffers = new Set<ArrayBufferLike>();
    for (let reader = 0; reader < 3; reader++) {
      for await (const chunk of readEncoded(store, key)) {
        buffers.add(chunk.buffer);
        if (reader === 1) break;
      }
    }
    expect(buffers.size).toBe(2);
  });

  it("tells that it is gone, or that its place is taken, as the store does", async () => {
    const store = await newStore();
    const key = objectKey({ oid: oidOf(Buffer.from("x")), encoding: "raw" });
    await failure(collect(readEncoded(store, key)), "OBJECT_MISSING");
    mkdirSync(store.pathOf(key), { recursive: true });
    await failure(collect(readEncoded(store, key)), "OBJECT_MISSING");
  });

  it("ends with the signal's reason", async () => {
    const store = await newStore();
    const key = objectKey({ oid: oidOf(Buffer.from("x")), encoding: "raw" });
    mkdirSync(dirname(store.pathOf(key)), { recursive: true });
    writeFileSync(store.pathOf(key), noise(3 * MIB, 1));
    const reason = new Error("the user has gone");
    const controller = new AbortController();
    const reading = (async () => {
      for await (const _chunk of readEncoded(store, key, controller.signal)) controller.abort(reason);
    })();
    await expect(reading).rejects.toBe(reason);
  });
});
