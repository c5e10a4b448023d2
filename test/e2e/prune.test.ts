import { readdir, rename, stat, symlink, utimes } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { PruneResult } from "../../src/commands/prune.ts";
import { promised } from "../support/decodable.ts";
import { editions } from "../support/deltas.ts";
import { asset, project, type Project } from "../support/project.ts";
import { testS3 } from "../support/s3.ts";
import { sandbox, sha256, type Sandbox } from "../support/sandbox.ts";

/* What prune may evict from the local store, and what it must never. */
const s3 = await testS3();
const LOCAL = "repo/.git/ballast";

async function prune(box: Sandbox, ...args: string[]): Promise<PruneResult> {
  return JSON.parse(await box.mustBallast("repo", "prune", "--json", ...args)) as PruneResult;
}

/** Makes everything in the local store, and what HEAD did so far, as old as if it had been done days ago. */
async function age(box: Sandbox, days: number): Promise<void> {
  const then = new Date(Date.now() - days * 24 * 3600 * 1000);
  for (const entry of await readdir(box.path(LOCAL, "objects"), { recursive: true, withFileTypes: true })) if (entry.isFile()) await utimes(join(entry.parentPath, entry.name), then, then);
  const log = "repo/.git/logs/HEAD";
  await box.write(log, (await box.read(log)).toString().replace(/> \d+ /g, `> ${Math.floor(then.getTime() / 1000)} `));
}

async function pushed(it: Project, ...contents: string[]): Promise<void> {
  for (const content of contents) await it.commit({ "a.bin": asset(content) });
  await it.box.git("repo", "push", "-q", "-u", "origin", "main");
}

const oids = (...contents: string[]): string[] => contents.map((content) => sha256(asset(content))).sort();
const evicted = (result: PruneResult): string[] => result.evicted.map(({ oid }) => oid).sort();

test("evicts what is pushed and was left long ago; a checkout of it fetches it again", async () => {
  const it = await project();
  await pushed(it, "1", "2", "3");
  expect(await prune(it.box)).toMatchObject({ evicted: [] });
  await age(it.box, 8);
  expect(evicted(await prune(it.box, "--dry-run"))).toEqual(oids("1", "2"));
  expect(await it.box.objects(LOCAL)).toHaveLength(3);
  const result = await prune(it.box);
  expect(evicted(result)).toEqual(oids("1", "2"));
  expect(result.kept).toEqual([{ reason: "recent", contents: 1, bytes: 3000 }]);
  expect(await it.box.objects(LOCAL)).toEqual(oids("3"));
  await it.box.git("repo", "checkout", "-q", "HEAD~2");
  expect(await it.box.read("repo/a.bin")).toEqual(asset("1"));
});

test("what HEAD left lately is recent, whenever it came", async () => {
  const it = await project();
  await pushed(it, "1", "2", "3");
  await age(it.box, 8);
  await it.box.git("repo", "checkout", "-q", "HEAD~1");
  await it.box.git("repo", "checkout", "-q", "main");
  await it.box.settled("repo");
  const then = new Date(Date.now() - 8 * 24 * 3600 * 1000);
  for (const oid of oids("1", "2", "3")) await utimes(it.box.path(LOCAL, "objects", oid.slice(0, 2), oid), then, then);
  expect(evicted(await prune(it.box))).toEqual(oids("1"));
  expect(evicted(await prune(it.box, "--recent", "0"))).toEqual(oids("2"));
});

test("never evicts what a branch, a stash, a reflog, an index, another worktree or an unfinished recording alone has", async () => {
  const it = await project();
  const { box } = it;
  await pushed(it, "old", "base");
  await box.git("repo", "switch", "-q", "-c", "mine");
  await it.commit({ "a.bin": asset("branch") });
  await box.git("repo", "switch", "-q", "-c", "gone");
  await it.commit({ "a.bin": asset("reflog") });
  await box.git("repo", "switch", "-q", "main");
  await box.settled("repo");
  await box.git("repo", "branch", "-q", "-D", "gone");
  await box.write("repo/a.bin", asset("stash"));
  await box.git("repo", "stash", "-q");
  await box.settled("repo");
  await box.git("repo", "worktree", "add", "-q", "../other", "-b", "other");
  await box.settled("other");
  await box.write("other/a.bin", asset("elsewhere"));
  await box.git("other", "add", "-A");
  await box.write("repo/a.bin", asset("recorded"));
  await box.git("repo", "add", "-A");
  await box.write("repo/a.bin", asset("staged"));
  await box.git("repo", "add", "-A");
  // The remote store has all of these, so only that nobody has published them keeps them.
  await box.run(".", "cp", ["-rn", `${LOCAL}/objects/.`, "store/objects/"]);
  for (const args of [["--recent", "0"], ["--recent", "0", "--no-verify-remote"], ["--set", "cache.limit=0"]]) {
    await prune(box, ...args);
    expect(await box.objects(LOCAL)).toEqual(expect.arrayContaining(oids("branch", "reflog", "stash", "elsewhere", "recorded", "staged")));
  }
  expect(await box.objects(LOCAL)).not.toContain(sha256(asset("old")));
});

test("never evicts what the remote store has lost, in whole or in part of its chain", async () => {
  const it = await project();
  const versions = editions(3, "model", 40_000);
  for (const version of versions) await it.commit({ "m.bin": version });
  await it.box.git("repo", "push", "-q", "-u", "origin", "main");
  await it.commit({ "m.bin": asset("now") });
  await it.box.git("repo", "push", "-q");
  const [root] = versions.map(sha256);
  const stored = await it.box.objects("store");
  expect(stored.filter((name) => name.includes(".xd3"))).toHaveLength(2);
  await rename(it.box.path("store/objects", root!.slice(0, 2), root!), it.box.path("elsewhere"));
  const kept = await prune(it.box, "--recent", "0");
  expect(kept.evicted).toEqual([]);
  expect(kept.kept).toContainEqual(expect.objectContaining({ reason: "absent", contents: 3 }));
  await rename(it.box.path("elsewhere"), it.box.path("store/objects", root!.slice(0, 2), root!));
  expect(evicted(await prune(it.box, "--recent", "0"))).toEqual(versions.map(sha256).sort());
});

test("keeps what an object that stays is a difference from", async () => {
  const it = await project();
  const versions = editions(3, "model", 40_000);
  for (const version of versions.slice(0, 2)) await it.commit({ "m.bin": version });
  await it.box.git("repo", "push", "-q", "-u", "origin", "main");
  await it.commit({ "m.bin": versions[2]! });
  const names = await it.box.objects(LOCAL);
  expect(names.filter((name) => name.includes(".xd3"))).toHaveLength(2);
  const { kept } = await prune(it.box, "--recent", "0", "--set", "cache.limit=0");
  expect(kept).toEqual(expect.arrayContaining([expect.objectContaining({ reason: "unpushed", contents: 1 }), expect.objectContaining({ reason: "base", contents: 2 })]));
  expect(await it.box.objects(LOCAL)).toEqual(names);
});

test("with cache.limit, the least recently used go until there is room, and no more", async () => {
  const it = await project();
  await pushed(it, "1", "2", "3", "4");
  const days = { 1: 1, 2: 3, 3: 2, 4: 4 };
  for (const [content, day] of Object.entries(days)) {
    const [oid] = oids(content);
    const then = new Date(Date.now() - day * 24 * 3600 * 1000);
    await utimes(it.box.path(LOCAL, "objects", oid!.slice(0, 2), oid!), then, then);
  }
  const log = "repo/.git/logs/HEAD";
  await it.box.write(log, (await it.box.read(log)).toString().replace(/> \d+ /g, "> 1000000000 "));
  expect((await prune(it.box, "--set", "cache.limit=100k")).evicted).toEqual([]);
  expect(evicted(await prune(it.box, "--set", "cache.limit=9000"))).toEqual(oids("2"));
  expect(evicted(await prune(it.box, "--set", "cache.limit=8999"))).toEqual(oids("3"));
  // What HEAD has goes last of all.
  expect(evicted(await prune(it.box, "--set", "cache.limit=3000"))).toEqual(oids("1"));
  expect(await it.box.objects(LOCAL)).toEqual(oids("4"));
});

test("--auto keeps to cache.limit by what was known at the last fetch and what the store says, and moves no ref", async () => {
  const { box, ...it } = await project();
  await pushed({ box, ...it }, "1");
  await box.git("repo", "switch", "-q", "-c", "side");
  await it.commit({ "a.bin": asset("side") });
  await box.git("repo", "push", "-q", "-u", "origin", "side");
  await box.git("repo", "switch", "-q", "main");
  await it.commit({ "a.bin": asset("2") });
  await box.git("repo", "push", "-q");
  // Somebody deletes a branch, and marks what it alone had: what is still on this machine will soon be nowhere else.
  await box.git(".", "clone", "-q", "upstream.git", "other");
  await box.mustBallast("other", "checkout");
  await box.git("other", "push", "-q", "origin", ":side", "main:later");
  await box.run(".", "rm", ["-r", box.path("store/gc")]);
  await box.mustBallast("other", "cleanup", "--older-than", "0");
  const auto = async (limit: string): Promise<PruneResult | null> => JSON.parse(await box.mustBallast("repo", "prune", "--auto", "--json", "--set", `cache.limit=${limit}`)) as PruneResult | null;
  expect(await auto("9000")).toBeNull();
  const result = await auto("0");
  expect(result && evicted(result)).toEqual(oids("1", "2"));
  expect(result?.kept).toEqual([{ reason: "absent", contents: 1, bytes: 3000 }]);
  expect(await box.git("repo", "for-each-ref", "--format=%(refname)", "refs/remotes")).toBe(["refs/remotes/origin/main", "refs/remotes/origin/side"].join("\n"));
});

test("what is more than cache.limit goes in the background after a transfer, once an hour, unless cache.auto is false", async () => {
  const { box, ...it } = await project();
  const note = box.path(LOCAL, "pruned");
  const pushedTo = async (content: string): Promise<void> => {
    await it.commit({ "a.bin": asset(content) });
    await box.git("repo", "push", "-q", "-u", "origin", "main");
  };
  await box.git("repo", "config", "ballast.cache.limit", "6000");
  await box.git("repo", "config", "ballast.cache.auto", "false");
  for (const content of ["1", "2", "3"]) await pushedTo(content);
  expect(await box.exists(note)).toBe(false);
  await box.git("repo", "config", "--unset", "ballast.cache.auto");
  await pushedTo("4");
  await expect.poll(() => box.objects(LOCAL).then(({ length }) => length), { timeout: 30_000 }).toBe(2);
  expect(await box.objects(LOCAL)).toContain(oids("4")[0]);
  const at = (await stat(note)).mtimeMs;
  await pushedTo("5");
  expect((await stat(note)).mtimeMs).toBe(at);
  expect(await box.objects(LOCAL)).toHaveLength(3);
  await utimes(note, new Date(at - 3600_000), new Date(at - 3600_000));
  await pushedTo("6");
  await expect.poll(() => box.objects(LOCAL).then(({ length }) => length), { timeout: 30_000 }).toBe(2);
  expect(await box.read("repo/a.bin")).toEqual(asset("6"));
});

test("a branch that was deleted elsewhere counts no longer as published", async () => {
  const it = await project();
  await pushed(it, "1");
  await it.box.git("repo", "switch", "-q", "-c", "feature");
  await it.commit({ "a.bin": asset("feature") });
  await it.box.git("repo", "push", "-q", "origin", "feature");
  await it.box.git("repo", "switch", "-q", "main");
  await it.box.git("upstream.git", "branch", "-q", "-D", "feature");
  await it.box.settled("repo");
  expect(evicted(await prune(it.box, "--recent", "0"))).toEqual([]);
  await it.box.git("upstream.git", "remote", "add", "x", "y");
  await it.box.run(".", "mv", ["upstream.git", "away.git"]);
  expect((await it.box.ballast("repo", "prune")).status).toBe(3);
  expect(await it.box.objects(LOCAL)).toHaveLength(2);
});

test.each(["the embedded store", "one directory under two names", "a linked local store"])("%s is no second copy", async (what) => {
  const it = await project(what === "the embedded store" ? "" : "store");
  await pushed(it, "1", "2");
  if (what === "one directory under two names") {
    await it.box.run("repo", "rm", ["-rf", ".git/ballast/objects"]);
    await symlink(it.box.path("store/objects"), it.box.path(LOCAL, "objects"));
  }
  if (what === "a linked local store") {
    await rename(it.box.path(LOCAL, "objects"), it.box.path("shared"));
    await symlink(it.box.path("shared"), it.box.path(LOCAL, "objects"));
  }
  const before = await it.box.objects(LOCAL);
  const { evicted, notes } = await prune(it.box, "--recent", "0", "--set", "cache.limit=0");
  expect(evicted).toEqual([]);
  expect(notes[0]).toContain("nothing is evicted");
  expect(await it.box.objects(LOCAL)).toEqual(before);
  expect(promised(before).size).toBe(2);
});

describe.runIf(s3)("with a bucket", () => {
  test("evicts what the bucket has, and nothing when it cannot be asked", async () => {
    const box = await sandbox({ env: { ...s3!.env(), BALLAST_STORE_REGION: "us-east-1" } });
    await box.git(".", "init", "-q", "--bare", "upstream.git");
    await box.git(".", "init", "-q", "repo");
    await box.git("repo", "remote", "add", "origin", box.path("upstream.git"));
    await box.mustBallast("repo", "init", `s3://${await s3!.bucket()}/team`);
    await box.mustBallast("repo", "track", "*.bin");
    for (const content of ["1", "2"]) {
      await box.write("repo/a.bin", asset(content));
      await box.git("repo", "add", "-A");
      await box.git("repo", "commit", "-qm", content);
    }
    await box.git("repo", "push", "-q", "-u", "origin", "main");
    await box.settled("repo");
    const failed = await box.ballast("repo", "prune", "--recent", "0", "--endpoint", "http://127.0.0.1:9", "--set", "store.attempts=1");
    expect(failed.status).toBe(8);
    expect(await box.objects(LOCAL)).toHaveLength(2);
    expect(evicted(await prune(box, "--recent", "0"))).toEqual(oids("1"));
    await box.git("repo", "checkout", "-q", "HEAD~1");
    expect(await box.read("repo/a.bin")).toEqual(asset("1"));
  });
});
