import { expect, test } from "vitest";
import { planPush } from "../../../src/transfer/plan-push.ts";
import { upload } from "../../../src/transfer/upload.ts";
import { oid, put, scene, type Scene } from "../../support/repository.ts";

async function needsOf({ context, box }: Scene) {
  const localId = await box.git("repo", "rev-parse", "HEAD");
  return planPush(context.repository, { updates: [{ localRef: "HEAD", localId, remoteRef: "HEAD", remoteId: undefined }], remote: undefined });
}

test("copies what the store lacks, once, and tells of it", async () => {
  const it = await scene();
  await it.commit({ a: "one", b: "two", "copy of a": "one", empty: "" });
  for (const content of ["one", "two", ""]) await put(it.local, content);
  await put(it.remote, "two");
  const result = await upload(it.context, await needsOf(it));
  expect(result).toMatchObject({ bytes: 3, storedBytes: 3, present: 1 });
  expect(result.uploaded.map(({ path }) => path).sort()).toEqual(["a", "empty"]);
  expect(await it.box.objects("store")).toEqual([oid("one"), oid("two"), oid("")].sort());
  expect(it.events.filter(({ kind }) => kind === "start")).toEqual([{ kind: "start", op: "upload", totalFiles: 2, totalBytes: 3 }]);
  expect(it.events.filter(({ kind }) => kind === "file")).toHaveLength(2);
  expect(it.events.at(-1)).toEqual({ kind: "end", op: "upload", ok: true });
  expect(await upload(it.context, await needsOf(it))).toMatchObject({ uploaded: [], present: 3 });
});

test("a dry run writes nothing", async () => {
  const it = await scene();
  await it.commit({ a: "one" });
  await put(it.local, "one");
  expect(await upload(it.context, await needsOf(it), { dryRun: true })).toMatchObject({ uploaded: [{ path: "a" }], bytes: 3 });
  expect(await it.box.objects("store")).toEqual([]);
});

test("refuses, before anything is written, when an object is nowhere, and names path, commit and oid", async () => {
  const it = await scene();
  const commit = await it.commit({ "art/hero.psd": "lost", b: "here" });
  await put(it.local, "here");
  const failure = upload(it.context, await needsOf(it));
  await expect(failure).rejects.toMatchObject({ code: "OBJECT_MISSING", hint: expect.stringContaining("git ballast fetch --all") });
  await expect(failure).rejects.toThrow(`art/hero.psd of commit ${commit.slice(0, 12)}, object ${oid("lost")}`);
  expect(await it.box.objects("store")).toEqual([]);
});

test("counts what is nowhere, and names five of it", async () => {
  const it = await scene();
  await it.commit(Object.fromEntries(Array.from({ length: 7 }, (_, i) => [`file ${i}`, `content ${i}`])));
  const failure: unknown = await upload(it.context, await needsOf(it)).catch((error: unknown) => error);
  expect((failure as Error).message.split("\n")).toHaveLength(1 + 5 + 1);
  expect((failure as Error).message).toMatch(/7 objects are neither[\s\S]*and 2 more$/);
});

test("takes a lost object from the worktree, where the file still has that content", async () => {
  const it = await scene();
  await it.commit({ kept: "content", "sub/edited": "old" });
  await it.box.write("repo/kept", "content");
  await it.box.write("repo/sub/edited", "new");
  await expect(upload(it.context, await needsOf(it))).rejects.toThrow(/sub\/edited of commit/);
  expect(await it.box.objects("store")).toEqual([]);
  await it.box.write("repo/sub/edited", "old");
  expect((await upload(it.context, await needsOf(it))).uploaded).toHaveLength(2);
  expect(await it.box.objects("store")).toEqual([oid("content"), oid("old")].sort());
});

test("a damaged local object is never published, and the error says so", async () => {
  const it = await scene();
  await it.commit({ a: "one" });
  await put(it.local, "one");
  await it.box.write(`repo/.git/ballast/objects/${oid("one").slice(0, 2)}/${oid("one")}`, "bad");
  await expect(upload(it.context, await needsOf(it))).rejects.toMatchObject({ code: "OBJECT_CORRUPT" });
  expect(await it.box.objects("store")).toEqual([]);
  expect(it.events.at(-1)).toEqual({ kind: "end", op: "upload", ok: false });
});

test("opens no store when nothing is needed", async () => {
  const it = await scene({ storeUrl: "file:///nowhere/at/all" });
  expect(await upload(it.context, [])).toMatchObject({ uploaded: [], present: 0 });
});
