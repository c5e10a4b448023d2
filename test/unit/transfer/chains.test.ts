import { readFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { expect, test } from "vitest";
import { openDirectoryStore, type DirectoryStore } from "../../../src/store/directory.ts";
import type { Store } from "../../../src/store/port.ts";
import { copyStore } from "../../../src/transfer/copy-store.ts";
import { download, locate } from "../../../src/transfer/download.ts";
import { forEachInOrder } from "../../../src/transfer/in-order.ts";
import { findPresent } from "../../../src/transfer/presence.ts";
import { readContent } from "../../../src/transfer/read-content.ts";
import { upload } from "../../../src/transfer/upload.ts";
import { materialiseEach } from "../../../src/worktree/materialise-each.ts";
import { oidOf } from "../../../src/object/oid.ts";
import { decodeAll, objectNames } from "../../support/decodable.ts";
import { editions, putChain, putContent, wanted } from "../../support/deltas.ts";
import { scene, type Scene } from "../../support/repository.ts";

const versions = editions(5, "chain");
const [v0, v1, v2, v3, v4] = versions as [Buffer, Buffer, Buffer, Buffer, Buffer];
const path = (name: string): string => `objects/${name.slice(0, 2)}/${name}`;

async function content(it: Scene, version: Buffer): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of readContent(it.context, wanted(version))) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}

test("a push takes along what the store lacks of a chain, and no more", async () => {
  const it = await scene();
  const names = await putChain(it.local, versions);
  await putContent(it.remote, v0);
  expect(await upload(it.context, [wanted(v2)])).toMatchObject({ uploaded: [wanted(v2)], present: 0 });
  expect(objectNames(it.remote.root)).toEqual(names.slice(0, 3).sort());
  await upload(it.context, versions.map((version) => wanted(version)));
  expect(objectNames(it.remote.root)).toEqual(names.toSorted());
  await decodeAll(it.remote.root);
  const files = it.events.filter(({ kind }) => kind === "file");
  expect(files).toHaveLength(4);
});

test("a delta in the store whose base is gone there is no presence; the push mends it", async () => {
  const it = await scene();
  const names = await putChain(it.local, versions);
  await putChain(it.remote, versions);
  await rm(it.box.path("store", path(names[0]!)));
  expect([...(await findPresent(it.remote, versions.map(oidOf)))]).toEqual([]);
  expect(await upload(it.context, [wanted(v3)])).toMatchObject({ uploaded: [wanted(v3)], present: 0, storedBytes: v0.length });
  expect(objectNames(it.remote.root)).toEqual(names.toSorted());
  expect([...(await findPresent(it.remote, versions.map(oidOf)))]).toEqual(versions.map(oidOf));
});

test("a base that the store has under another encoding will do", async () => {
  const it = await scene();
  const names = await putChain(it.local, versions.slice(0, 3));
  await putContent(it.remote, v1);
  await upload(it.context, [wanted(v2)]);
  expect(objectNames(it.remote.root)).toEqual([oidOf(v1), names[2]!].sort());
  await decodeAll(it.remote.root);
});

test("a base that the local store has lost is taken from a file that has that content, wherever an older commit had it", async () => {
  const it = await scene();
  await it.commit({ "old place": v0.toString("latin1") });
  const names = await putChain(it.local, [v0, v1]);
  await rm(it.box.path("repo/.git/ballast", path(names[0]!)));
  await expect(upload(it.context, [wanted(v1)])).rejects.toMatchObject({ code: "OBJECT_MISSING" });
  expect(objectNames(it.remote.root)).toEqual([]);
  // The commit above has another content: history names the place of v0 only now.
  const line = `{"path":"old place","oid":"${oidOf(v0)}","size":${v0.length}}\n`;
  await it.box.write("repo/.ballast/manifest.jsonl", `{"ballast":"manifest","version":1}\n${line}`);
  await it.box.git("repo", "commit", "-qam", "place");
  await it.box.write("repo/old place", v0);
  await upload(it.context, [wanted(v1)]);
  expect(objectNames(it.remote.root)).toEqual(names.toSorted());
});

test("a fetch brings a chain, a shared base once, and only what is lacking", async () => {
  const it = await scene();
  const names = await putChain(it.remote, versions);
  const twins = Array.from({ length: 20 }, (_, i) => editions(2, `twin ${i}`, 5000)[1]!).map((twin) => Buffer.concat([v0, twin]));
  const twinNames = await Promise.all(twins.map((twin) => putContent(it.remote, twin, v0)));
  const result = await download(it.context, [wanted(v2), ...twins.map((twin, i) => wanted(twin, `twin ${i}`))]);
  expect(result).toMatchObject({ objects: 23, missing: [], failure: undefined });
  expect(objectNames(it.local.root)).toEqual([...names.slice(0, 3), ...twinNames].sort());
  await decodeAll(it.local.root);
  expect(await download(it.context, [wanted(v4)])).toMatchObject({ objects: 2 });
});

test("a local delta without its base is not found until the base has come, and a damaged encoding gives way to another", async () => {
  const it = await scene();
  await putChain(it.local, [v0, v1]);
  const [whole] = await putChain(it.remote, [v0, v1]);
  await rm(it.box.path("repo/.git/ballast", path(whole!)));
  expect(await download(it.context, [wanted(v1)])).toMatchObject({ objects: 1, missing: [] });
  await decodeAll(it.local.root);

  // Of two encodings the smaller is tried first; it is damaged.
  const name = await putContent(it.remote, v2, v1);
  await putContent(it.remote, v2);
  await it.box.write(`store/${path(name)}`, "bad");
  const result = await download(it.context, [wanted(v2)]);
  expect(result).toMatchObject({ objects: 1, missing: [], failure: undefined });
  expect(result.found.get(oidOf(v2))?.name.encoding).toBe("raw");
  await it.box.write(`store/${path(oidOf(v3))}`, "bad");
  expect(await download(it.context, [wanted(v3)])).toMatchObject({ missing: [wanted(v3)], failure: { code: "OBJECT_CORRUPT" } });
});

test("a directory store is read in place, with bases on either side", async () => {
  const it = await scene();
  await putChain(it.remote, [v0, v1]);
  const name = await putContent(it.local, v2, v1);
  const { local, direct, missing } = await locate(it.context, [v0, v1, v2].map((version) => wanted(version)));
  expect(local.size).toBe(0);
  expect(direct.size).toBe(3);
  expect(direct.get(oidOf(v2))?.store.root).toBe(it.local.root);
  expect(missing).toEqual([]);
  for (const version of [v0, v1, v2]) expect((await content(it, version)).equals(version)).toBe(true);
  expect(objectNames(it.local.root)).toEqual([name]);
});

/**
 * Does something while objects of the remote store are replaced by whole ones: each of the first three listings is
 * outdated the moment it is made.
 */
async function whileReplaced(it: Scene, names: readonly string[], work: () => Promise<void>): Promise<void> {
  const replaced = new Set<string>();
  const prototype = Object.getPrototypeOf(it.remote) as Store;
  const original = prototype.find;
  prototype.find = async function (this: DirectoryStore, ...args) {
    const found = await original.apply(this, args);
    const index = names.findIndex((name, i) => i > 0 && !replaced.has(name) && found.has(oidOf(versions[i]!)));
    if (this.root !== it.remote.root || index < 0 || replaced.size === 3) return found;
    replaced.add(names[index]!);
    await putContent(it.remote, versions[index]!);
    await rm(it.box.path("store", path(names[index]!)));
    return found;
  };
  try {
    await work();
  } finally {
    prototype.find = original;
  }
  expect(replaced.size).toBe(3);
}

test("an object that is replaced by another encoding while it is fetched is found again", async () => {
  const it = await scene();
  const names = await putChain(it.remote, versions);
  await whileReplaced(it, names, async () => {
    expect(await download(it.context, [wanted(v3)])).toMatchObject({ missing: [], failure: undefined });
  });
  await decodeAll(it.local.root);
});

test("an object that is replaced while it is read or restored is found again", async () => {
  const it = await scene();
  const names = await putChain(it.remote, versions);
  await whileReplaced(it, names, async () => expect((await content(it, v3)).equals(v3)).toBe(true));
  const other = await scene();
  const again = await putChain(other.remote, versions);
  await whileReplaced(other, again, async () => {
    const placed = new Map<string, Buffer>();
    const assets = versions.slice(1).map((version, i) => ({ ...wanted(version, `file ${i}`), exec: false }));
    const { missing } = await materialiseEach(other.context, { wanted: assets, temporaryDirectory: other.box.path("tmp") }, (asset, temporary) => void placed.set(asset.path, readFileSync(temporary)));
    expect(missing).toEqual([]);
    for (const [i, version] of versions.slice(1).entries()) expect(placed.get(`file ${i}`)?.equals(version)).toBe(true);
  });
});

test("copying a store carries chains, bases first, and leaves behind what nobody can decode", async () => {
  const it = await scene();
  const names = await putChain(it.remote, versions);
  const lost = await putContent(it.remote, Buffer.concat([v0, v1]), Buffer.concat([v0, v2]));
  const target = openDirectoryStore(it.box.path("target"));
  await target.initialise();
  const { report, signal } = it.context;
  const steps: string[] = [];
  const watched = (event: Parameters<typeof report>[0]): void => {
    if (event.kind === "file") steps.push(event.oid);
    report(event);
  };
  expect(await copyStore([it.remote], target, { report: watched, signal, concurrency: 8 })).toMatchObject({ copied: 5 });
  expect(objectNames(target.root)).toEqual(names.toSorted());
  expect(objectNames(target.root)).not.toContain(lost);
  expect(steps).toEqual(versions.map(oidOf));
  expect(it.events.filter(({ kind }) => kind === "warning")).toMatchObject([{ message: expect.stringContaining("1 object stayed behind") }]);
});

test("work on deltas waits for their bases, and is not begun when a base does not arrive", async () => {
  const names = await putChain((await scene()).local, versions);
  const items = names.map((_, i) => ({ i, name: { oid: oidOf(versions[i]!), encoding: "delta" as const, ...(i === 0 ? {} : { base: oidOf(versions[i - 1]!) }) } }));
  const log: number[] = [];
  await forEachInOrder(items, 5, async ({ i }) => {
    await new Promise((resolve) => setTimeout(resolve, 5 * (5 - i)));
    log.push(i);
    return i !== 2;
  });
  expect(log).toEqual([0, 1, 2]);
  await expect(forEachInOrder(items, 1, async ({ i }) => (i === 1 ? Promise.reject(new Error("broken")) : true))).rejects.toThrow("broken");
});
