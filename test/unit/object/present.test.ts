import { describe, expect, it } from "vitest";
import { objectKey } from "../../../src/object/name.ts";
import { oidOf, type Oid } from "../../../src/object/oid.ts";
import { PresentObjects } from "../../../src/object/present.ts";
import { bufferSource } from "../../../src/object/source.ts";
import type { DirectoryStore } from "../../../src/store/directory.ts";
import { newStore } from "./support.ts";

const oid = (name: string): Oid => oidOf(Buffer.from(name));

async function put(store: DirectoryStore, sizeBytes: number, name: string, base?: string): Promise<void> {
  const object = base === undefined ? ({ oid: oid(name), encoding: "gzip" } as const) : ({ oid: oid(name), encoding: "delta", base: oid(base) } as const);
  await store.write(objectKey(object), bufferSource(Buffer.alloc(sizeBytes)));
}

describe("a chain in stores on this machine", () => {
  it("is told with its depth and the bytes of all its objects, nearest first", async () => {
    const store = await newStore();
    await put(store, 100, "a");
    await put(store, 20, "b", "a");
    await put(store, 3, "c", "b");
    const present = new PresentObjects(store);
    expect(present.chain(oid("c"))).toEqual([
      { oid: oid("c"), depth: 2, chainBytes: 123 },
      { oid: oid("b"), depth: 1, chainBytes: 120 },
      { oid: oid("a"), depth: 0, chainBytes: 100 },
    ]);
    expect(present.find(oid("c"))).toMatchObject({ sizeBytes: 3, name: { encoding: "delta" } });
    expect(present.chain(oid("d"))).toBeUndefined();
  });

  it("may go through another store, whose objects do not count as present by themselves", async () => {
    const [store, other] = [await newStore(), await newStore()];
    await put(other, 100, "a");
    await put(other, 20, "b", "a");
    await put(store, 3, "c", "b");
    expect(new PresentObjects(store, [other]).chain(oid("c"))).toHaveLength(3);
    expect(new PresentObjects(store, [other]).find(oid("c"))).toBeDefined();
    expect(new PresentObjects(store, [other]).find(oid("b"))).toBeUndefined();
    expect(new PresentObjects(store).chain(oid("c"))).toBeUndefined();
    expect(new PresentObjects(store).find(oid("c"))).toBeUndefined();
  });

  it("takes the whole object where there is one, and the delta that leads somewhere where there are two", async () => {
    const store = await newStore();
    await put(store, 100, "a");
    await put(store, 20, "b", "a");
    await put(store, 5, "b", "gone");
    expect(new PresentObjects(store).chain(oid("b"))).toEqual([{ oid: oid("b"), depth: 1, chainBytes: 120 }, { oid: oid("a"), depth: 0, chainBytes: 100 }]);
    await put(store, 90, "b");
    expect(new PresentObjects(store).chain(oid("b"))).toEqual([{ oid: oid("b"), depth: 0, chainBytes: 90 }]);
  });

  it("that closes upon itself is none", async () => {
    const store = await newStore();
    await put(store, 1, "a", "b");
    await put(store, 1, "b", "c");
    await put(store, 1, "c", "a");
    for (const name of ["a", "b", "c"]) expect(new PresentObjects(store).find(oid(name))).toBeUndefined();
    await put(store, 1, "b");
    for (const name of ["a", "b", "c"]) expect(new PresentObjects(store).find(oid(name))).toBeDefined();
  });
});
