import { existsSync, lstatSync, mkdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { copyObject } from "../../../src/object/copy.ts";
import { objectKey } from "../../../src/object/name.ts";
import { oidOf } from "../../../src/object/oid.ts";
import { bufferSource } from "../../../src/object/source.ts";
import type { DirectoryStore } from "../../../src/store/directory.ts";
import { linkObject } from "../../../src/store/link.ts";
import { initialiseSharedCache, isSharedCache } from "../../../src/store/shared-cache.ts";
import { failure, newStore, temporaryDirectory } from "../object/support.ts";

const content = Buffer.from("content of an object");
const name = { oid: oidOf(content), encoding: "raw" } as const;
const key = objectKey(name);

async function filled(): Promise<DirectoryStore> {
  const store = await newStore();
  await store.write(key, bufferSource(content));
  return store;
}

describe("an object that two stores have", () => {
  it("is one file, which stays when one of them removes it", async () => {
    const [from, to] = [await filled(), await newStore()];
    expect(await linkObject(from, to, key)).toBe("created");
    expect(statSync(to.pathOf(key)).ino).toBe(statSync(from.pathOf(key)).ino);
    expect(await linkObject(from, to, key)).toBe("exists");
    await from.remove(key);
    expect(readFileSync(to.pathOf(key))).toEqual(content);
  });

  it("is not made of what is not there, is a link, or lies on another file system", async () => {
    const to = await newStore();
    expect(await linkObject(await newStore(), to, key)).toBeUndefined();
    const from = await filled();
    const elsewhere = join(temporaryDirectory(), "target");
    writeFileSync(elsewhere, content);
    rmSync(from.pathOf(key));
    symlinkSync(elsewhere, from.pathOf(key));
    expect(await linkObject(from, to, key)).toBeUndefined();
    expect(existsSync(to.pathOf(key))).toBe(false);
    // A copy of it is a file of its own.
    expect(await copyObject(from, to, { name, key, sizeBytes: content.length, modifiedMs: 0 }, { link: true })).toBe("created");
    expect(lstatSync(to.pathOf(key)).isFile()).toBe(true);
  });

  it("is linked only after it was found to be right", async () => {
    const [from, to] = [await filled(), await newStore()];
    writeFileSync(from.pathOf(key), "something of this size");
    const object = { name, key, sizeBytes: statSync(from.pathOf(key)).size, modifiedMs: 0 };
    await failure(copyObject(from, to, object, { link: true }), "OBJECT_CORRUPT");
    expect(existsSync(to.pathOf(key))).toBe(false);
  });
});

describe("a directory that clones share", () => {
  const TAG = "CACHEDIR.TAG";

  it("is made of an empty one, also by several at once, and again after a kill while it was made", async () => {
    const root = temporaryDirectory();
    await Promise.all([1, 2, 3, 4].map(() => initialiseSharedCache(root)));
    expect(isSharedCache(root)).toBe(true);
    const whole = readFileSync(join(root, TAG), "utf8");
    for (const length of [0, 1, 50, whole.length - 1]) {
      const other = temporaryDirectory();
      writeFileSync(join(other, TAG), whole.slice(0, length));
      mkdirSync(join(other, "lost+found"));
      await initialiseSharedCache(other);
      expect(isSharedCache(other)).toBe(true);
    }
  });

  it("is none that is not there, no directory, a store, another program's cache, or holds anything else", async () => {
    const root = temporaryDirectory();
    await failure(initialiseSharedCache(join(root, "absent")), "USAGE");
    writeFileSync(join(root, "file"), "");
    await failure(initialiseSharedCache(join(root, "file")), "USAGE");
    await failure(initialiseSharedCache(root), "USAGE");
    const store = await filled();
    await failure(initialiseSharedCache(store.root), "USAGE");
    expect(isSharedCache(store.root)).toBe(false);
    const theirs = join(root, "theirs", TAG);
    mkdirSync(dirname(theirs));
    writeFileSync(theirs, "Signature: 8a477f597d28d172789f06886806bc55\n# made by somebody else\n");
    await failure(initialiseSharedCache(dirname(theirs)), "USAGE");
  });
});
