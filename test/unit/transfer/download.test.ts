import { expect, test } from "vitest";
import { rm } from "node:fs/promises";
import { fetch } from "../../../src/commands/fetch.ts";
import { download, locate, type Wanted } from "../../../src/transfer/download.ts";
import { oid, put, scene } from "../../support/repository.ts";

const want = (content: string, path = content): Wanted => ({ oid: oid(content), sizeBytes: content.length, path });

test("brings what is wanted into the local store, each content once", async () => {
  const it = await scene();
  await put(it.remote, "one");
  await put(it.local, "two");
  const result = await download(it.context, [want("one", "a"), want("one", "b"), want("two"), want("none")]);
  expect(result).toMatchObject({ objects: 1, bytes: 3, storedBytes: 3, archived: [], failure: undefined, missing: [want("none")] });
  expect([...result.found.keys()].sort()).toEqual([oid("one"), oid("two")].sort());
  expect(await it.box.objects("repo/.git/ballast")).toEqual([oid("one"), oid("two")].sort());
});

test("reads from a directory store on this machine without a copy", async () => {
  const it = await scene();
  await put(it.remote, "one");
  await put(it.local, "two");
  const { local, direct, missing, failure } = await locate(it.context, [want("one"), want("two"), want("none")]);
  expect([...local.keys()]).toEqual([oid("two")]);
  expect([...direct.keys()]).toEqual([oid("one")]);
  expect(direct.get(oid("one"))?.store.root).toBe(it.remote.root);
  expect({ missing, failure }).toEqual({ missing: [want("none")], failure: undefined });
  expect(await it.box.objects("repo/.git/ballast")).toEqual([oid("two")]);
});

test("does not open the remote store for what is here, and says why it has no answer for the rest", async () => {
  const it = await scene();
  await put(it.local, "one");
  await rm(it.remote.root, { recursive: true });
  expect(await download(it.context, [want("one")])).toMatchObject({ missing: [], failure: undefined });
  const result = await locate(it.context, [want("one"), want("two")]);
  expect([...result.local.keys()]).toEqual([oid("one")]);
  expect(result.missing).toEqual([want("two")]);
  expect(result.failure).toMatchObject({ code: "STORE_MISSING" });
});

test("a damaged object does not come in and does not keep the others out", async () => {
  const it = await scene();
  await put(it.remote, "one");
  await put(it.remote, "two");
  await it.box.write(`store/objects/${oid("one").slice(0, 2)}/${oid("one")}`, "bad");
  const result = await download(it.context, [want("one"), want("two")]);
  expect(result).toMatchObject({ objects: 1, missing: [want("one")], failure: { code: "OBJECT_CORRUPT" } });
  expect(await it.box.objects("repo/.git/ballast")).toEqual([oid("two")]);
});

test("fetch brings HEAD's versions, a ref's, or all, and leaves the worktree alone", async () => {
  const it = await scene();
  const first = await it.commit({ a: "1" });
  await it.commit({ a: "2", gone: "3" });
  for (const content of ["1", "2"]) await put(it.remote, content);
  const options = { refs: [], all: false, dryRun: false };
  expect(await fetch(it.context, { ...options, dryRun: true })).toMatchObject({ objects: 2, missing: [] });
  const head = await it.box.git("repo", "rev-parse", "HEAD");
  expect(await fetch(it.context, options)).toMatchObject({ objects: 1, bytes: 1, missing: [{ path: "gone", commit: head, oid: oid("3") }] });
  expect(await fetch(it.context, { ...options, refs: [first] })).toMatchObject({ objects: 1, present: 0 });
  expect(await fetch(it.context, { ...options, all: true })).toMatchObject({ objects: 0, present: 2, missing: [{ path: "gone" }] });
  expect(await it.box.exists("repo/a")).toBe(false);
  await expect(fetch(it.context, { ...options, refs: ["no-such"] })).rejects.toMatchObject({ code: "USAGE" });
});

test("fetch <remote> <branch> takes the remote's branch", async () => {
  const it = await scene();
  const first = await it.commit({ a: "1" });
  await it.commit({ a: "2" });
  for (const content of ["1", "2"]) await put(it.remote, content);
  await it.box.git("repo", "remote", "add", "team", "elsewhere");
  await it.box.git("repo", "update-ref", "refs/remotes/team/main", first);
  await fetch(it.context, { remote: "team", refs: ["main"], all: false, dryRun: false });
  expect(await it.box.objects("repo/.git/ballast")).toEqual([oid("1")]);
  await fetch(it.context, { remote: "main", refs: [], all: false, dryRun: false });
  expect(await it.box.objects("repo/.git/ballast")).toEqual([oid("1"), oid("2")].sort());
});
