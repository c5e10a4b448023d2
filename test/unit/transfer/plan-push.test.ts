import { beforeEach, expect, test } from "vitest";
import { openRepository, type Repository } from "../../../src/git/repository.ts";
import { formatManifest } from "../../../src/manifest/manifest.ts";
import { oidOf } from "../../../src/object/oid.ts";
import { planAll, planPush, type Need } from "../../../src/transfer/plan-push.ts";
import { sandbox, type Sandbox } from "../../support/sandbox.ts";

let box: Sandbox;
let repository: Repository;

beforeEach(async () => {
  box = await sandbox({ ballast: false });
  await box.git(".", "init", "-q", "repo");
  repository = await openRepository(box.path("repo"));
});

/** Commits a manifest whose assets have the given contents, by path; returns the commit. */
async function commit(assets: Record<string, string>): Promise<string> {
  const lines = Object.entries(assets).map(([path, content]) => ({ path, oid: oidOf(Buffer.from(content)), sizeBytes: content.length, exec: false }));
  await box.write("repo/.ballast/manifest.jsonl", formatManifest(lines));
  await box.git("repo", "add", "--all");
  await box.git("repo", "commit", "-q", "--allow-empty", "-m", "change");
  return box.git("repo", "rev-parse", "HEAD");
}

const update = (localId: string | undefined, remoteId?: string) => ({ localRef: "refs/heads/main", localId, remoteRef: "refs/heads/main", remoteId });
const plan = (localId: string | undefined, remoteId?: string, remote?: string): Promise<Need[]> =>
  planPush(repository, { updates: [update(localId, remoteId)], remote });
const paths = (needs: readonly Need[]): string[] => needs.map(({ path }) => path).sort();

test("takes every commit of the range, also what a later one deleted", async () => {
  const first = await commit({ a: "1" });
  const second = await commit({ a: "1", b: "2" });
  const third = await commit({ a: "1" });
  expect(await plan(third, first)).toEqual([{ oid: oidOf(Buffer.from("2")), sizeBytes: 1, path: "b", commit: second }]);
  expect(paths(await plan(third))).toEqual(["a", "b"]);
});

test("names the same content once, and what the remote has not at all", async () => {
  const first = await commit({ a: "1" });
  const second = await commit({ a: "1", copy: "2", other: "2" });
  expect(await plan(second, first)).toHaveLength(1);
  await box.git("repo", "update-ref", "refs/remotes/origin/main", first);
  expect(paths(await plan(second, undefined, "origin"))).toEqual(["copy"]);
  expect(paths(await plan(second, undefined, "other"))).toEqual(["a", "copy"]);
  expect(await plan(first, undefined, "origin")).toEqual([]);
});

test("a deleted ref needs nothing, and neither does one that stays", async () => {
  const first = await commit({ a: "1" });
  expect(await plan(undefined, first)).toEqual([]);
  expect(await plan(first, first)).toEqual([]);
});

test("a value of the remote that was never fetched excludes nothing", async () => {
  const first = await commit({ a: "1" });
  expect(paths(await plan(first, "1".repeat(40)))).toEqual(["a"]);
});

test("a forced push takes only what the remote's old commits lack", async () => {
  await commit({ a: "1" });
  const old = await commit({ a: "2" });
  await box.git("repo", "reset", "-q", "--hard", "HEAD~");
  const forced = await commit({ a: "3" });
  expect(await plan(forced, old)).toMatchObject([{ oid: oidOf(Buffer.from("3")) }]);
});

test("follows annotated tags, and lets a tag of something else be", async () => {
  await commit({ a: "1" });
  await box.git("repo", "tag", "-a", "-m", "release", "v1");
  expect(paths(await plan(await box.git("repo", "rev-parse", "v1")))).toEqual(["a"]);
  await box.git("repo", "tag", "blob", "HEAD:.ballast/manifest.jsonl");
  expect(await plan(await box.git("repo", "rev-parse", "blob"))).toEqual([]);
});

test("takes what a merge brings in, also what its conflict resolution made up", async () => {
  const base = await commit({ a: "1" });
  await box.git("repo", "switch", "-q", "-c", "side");
  await commit({ a: "side", b: "b" });
  await box.git("repo", "switch", "-q", "main");
  await commit({ a: "main" });
  await box.tryGit("repo", "merge", "-q", "side");
  const merge = await commit({ a: "resolved", b: "b" });
  const contents = ["side", "b", "main", "resolved"].map((content) => oidOf(Buffer.from(content)));
  expect((await plan(merge, base)).map(({ oid }) => oid).sort()).toEqual(contents.sort());
});

test("is not led astray by the user's settings for git log", async () => {
  for (const [key, value] of [["log.showRoot", "false"], ["log.diffMerges", "combined"], ["diff.noprefix", "true"], ["color.ui", "always"], ["diff.external", "false"]]) {
    await box.git("repo", "config", key!, value!);
  }
  const root = await commit({ a: "1" });
  expect(paths(await plan(root))).toEqual(["a"]);
  await box.git("repo", "switch", "-q", "-c", "side");
  await commit({ a: "side" });
  await box.git("repo", "switch", "-q", "main");
  await commit({ a: "main" });
  await box.tryGit("repo", "merge", "-q", "side");
  const merge = await commit({ a: "resolved" });
  expect((await plan(merge, root)).map(({ oid }) => oid)).toContain(oidOf(Buffer.from("resolved")));
});

test("--all takes every version on every ref", async () => {
  const first = await commit({ a: "1" });
  await box.git("repo", "switch", "-q", "-c", "side");
  await commit({ a: "2" });
  await box.git("repo", "switch", "-q", "--detach", first);
  await commit({ a: "3" });
  expect((await planAll(repository)).map(({ oid }) => oid).sort()).toEqual(["1", "2", "3"].map((content) => oidOf(Buffer.from(content))).sort());
});
