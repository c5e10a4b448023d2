import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import { copyObject } from "../../../src/object/copy.ts";
import { ingestFile } from "../../../src/object/ingest.ts";
import { materialise } from "../../../src/object/materialise.ts";
import { objectKey } from "../../../src/object/name.ts";
import { EMPTY_OID, oidOf } from "../../../src/object/oid.ts";
import { bufferSource } from "../../../src/object/source.ts";
import { openDirectoryStore } from "../../../src/store/directory.ts";
import { storeVersion } from "../../../src/store/version.ts";
import { collect, failure, filesOf, newFile, newStore, RAW, temporaryDirectory } from "../object/support.ts";

const keyOf = (content: Uint8Array): string => objectKey({ oid: oidOf(content), encoding: "raw" });

describe("a key", () => {
  const store = openDirectoryStore("/root/of/store");

  it("becomes a path below the root", () => {
    expect(store.pathOf("objects/e3/x.gz")).toBe("/root/of/store/objects/e3/x.gz");
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.array(fc.constantFrom("..", ".", "a", "tmp", "", "\0", "\\", "C:"), { minLength: 1 }).map((parts) => parts.join("/"))), (key) => {
        let path: string;
        try {
          path = store.pathOf(key);
        } catch (error) {
          expect(error).toMatchObject({ code: "PATH_REFUSED" });
          return;
        }
        expect(path).toBe(`/root/of/store/${key}`);
        expect(path).not.toMatch(/\/\.|\/\/|\\|\0|\/$/);
      }),
    );
  });

  it("is refused by every method when it would lead out of the root", async () => {
    const real = await newStore();
    for (const key of ["../x", "objects/../../x", "/etc/passwd", "", "objects//x", "tmp/x", "objects/.hidden"]) {
      await failure(collect(real.read(key)), "PATH_REFUSED");
      await failure(real.write(key, bufferSource(Buffer.alloc(1))), "PATH_REFUSED");
      await failure(real.replace(key, Buffer.alloc(1)), "PATH_REFUSED");
      await failure(real.remove(key), "PATH_REFUSED");
    }
    await failure(collect(real.list("../") as never), "PATH_REFUSED");
  });
});

describe("a directory store", () => {
  it("is made once, and known by its version", async () => {
    const root = join(temporaryDirectory(), "a/b");
    const store = openDirectoryStore(root);
    await failure(storeVersion(store), "STORE_MISSING");
    expect(await store.initialise()).toBe("created");
    expect(await store.initialise()).toBe("exists");
    expect(readFileSync(join(root, "ballast.json"), "utf8")).toBe('{"ballast":"store","version":1,"claims":true}\n');
    expect(await storeVersion(store)).toBe(1);
    for (const text of ['{"ballast":"store","version":2}', '{"ballast":"manifest","version":1}', "{", "[]", "null"]) {
      writeFileSync(join(root, "ballast.json"), text);
      await failure(store.initialise(), "STORE_VERSION");
    }
  });

  it("is initialised by many at once", async () => {
    const root = join(temporaryDirectory(), "store");
    const outcomes = await Promise.all(Array.from({ length: 8 }, () => openDirectoryStore(root).initialise()));
    expect(outcomes.filter((outcome) => outcome === "created")).toHaveLength(1);
  });

  it("is missing when its root is, and is not made by a write", async () => {
    const root = join(temporaryDirectory(), "unmounted");
    const store = openDirectoryStore(root, "file:///unmounted");
    const error = await failure(store.write("locks/a.json", bufferSource(Buffer.alloc(1))), "STORE_MISSING");
    expect(error.message).toContain("file:///unmounted");
    await failure(store.replace("gc/a.json", Buffer.alloc(1)), "STORE_MISSING");
    await failure(store.remove("gc/a.json"), "STORE_MISSING");
    await failure(collect(store.read("gc/a.json")), "STORE_MISSING");
    await failure(store.find([EMPTY_OID]), "STORE_MISSING");
    await failure(collect(store.list("") as never), "STORE_MISSING");
    await failure(ingestFile(newFile("x"), store, RAW), "STORE_MISSING");
    expect(existsSync(root)).toBe(false);
  });

  it("does not list what is no key", async () => {
    const store = await newStore();
    writeFileSync(join(store.root, ".DS_Store"), "");
    writeFileSync(join(store.root, "a b"), "");
    mkdirSync(join(store.root, "tmp"), { recursive: true });
    writeFileSync(join(store.root, "tmp/unfinished"), "");
    const keys: string[] = [];
    for await (const { key } of store.list("")) keys.push(key);
    expect(keys).toEqual(["ballast.json"]);
  });

  it("removes what was left unfinished more than a day ago, and nothing younger", async () => {
    const first = await newStore();
    const directory = join(first.root, "tmp");
    mkdirSync(directory, { recursive: true });
    for (const name of ["old", "young"]) writeFileSync(join(directory, name), "");
    const twoDaysAgo = Date.now() / 1000 - 2 * 24 * 3600;
    utimesSync(join(directory, "old"), twoDaysAgo, twoDaysAgo);
    const store = openDirectoryStore(first.root);
    for (let i = 0; i < 20 && existsSync(join(directory, "old")); i++) {
      await store.replace("gc/a.json", Buffer.from(String(i)));
    }
    expect(filesOf(store).temporary).toEqual(["young"]);
  });

  it("lets only one of many writers win, while others replace nothing", async () => {
    const store = await newStore();
    const contents = Array.from({ length: 20 }, (_, i) => Buffer.from(`writer ${i}`));
    const outcomes = await Promise.all(contents.map((content) => store.write("locks/l.json", bufferSource(content))));
    expect(outcomes.filter((outcome) => outcome === "created")).toHaveLength(1);
    expect((await collect(store.read("locks/l.json"))).equals(contents[outcomes.indexOf("created")]!)).toBe(true);
    expect(statSync(store.pathOf("locks/l.json")).nlink).toBe(1);
  });
});

/* The rest needs file systems of its own, which only root may mount. */

const mounted: string[] = [];
afterEach(() => {
  for (const directory of mounted.splice(0)) execFileSync("umount", [directory]);
});

function mount(directory: string): boolean {
  mkdirSync(directory, { recursive: true });
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=1m", "tmpfs", directory], { stdio: "pipe" });
    mounted.push(directory);
    return true;
  } catch (error) {
    if (process.env["CI"]) throw error;
    return false;
  }
}

describe("a full disk", () => {
  it("is an error of its own and leaves nothing behind", async ({ skip }) => {
    const root = join(temporaryDirectory(), "full");
    if (!mount(root)) skip("mounting a tmpfs is not permitted here");
    const store = openDirectoryStore(root);
    await store.initialise();
    const small = randomBytes(2_000_000);
    const large = randomBytes(6_000_000);
    const other = await newStore();
    for (const content of [small, large]) {
      await failure(store.write(keyOf(content), bufferSource(content)), "DISK_FULL");
      await failure(store.replace("gc/a.json", content), "DISK_FULL");
      const { oid } = await ingestFile(newFile(content), other, RAW);
      await failure(ingestFile(newFile(content), store, RAW), "DISK_FULL");
      await failure(ingestFile(newFile(content), store, { ...RAW, mode: "always" }), "DISK_FULL");
      await failure(copyObject(other, store, (await other.find([oid])).get(oid)![0]!), "DISK_FULL");
      await failure(materialise(other, { oid, encoding: "raw" }, join(root, "target"), { exec: false }), "DISK_FULL");
      expect(filesOf(store)).toEqual({ objects: [], temporary: [] });
      expect(existsSync(join(root, "target"))).toBe(false);
    }
    const fits = randomBytes(500_000);
    expect(await store.write(keyOf(fits), bufferSource(fits))).toBe("created");
  });
});

describe("a read-only store", () => {
  it("can be read, and says that it cannot be written", async ({ skip }) => {
    const root = join(temporaryDirectory(), "read-only");
    if (!mount(root)) skip("mounting a tmpfs is not permitted here");
    const store = openDirectoryStore(root);
    await store.initialise();
    const content = Buffer.from("content");
    await store.write(keyOf(content), bufferSource(content));
    execFileSync("mount", ["-o", "remount,ro", root]);
    expect(await collect(store.read(keyOf(content)))).toEqual(content);
    expect(await store.write(keyOf(content), bufferSource(content))).toBe("exists");
    expect(await ingestFile(newFile(content), store, RAW)).toMatchObject({ created: false });
    const other = Buffer.from("other");
    await failure(store.write(keyOf(other), bufferSource(other)), "STORE_READ_ONLY");
    await failure(store.replace("gc/a.json", other), "STORE_READ_ONLY");
    await failure(store.remove(keyOf(content)), "STORE_READ_ONLY");
    await failure(ingestFile(newFile(other), store, RAW), "STORE_READ_ONLY");
    expect(await store.initialise()).toBe("exists");
    const diagnoses: boolean[] = [];
    for await (const { ok } of store.diagnose!()) diagnoses.push(ok === true);
    expect(diagnoses).toEqual([true, false, true]);
  });
});
