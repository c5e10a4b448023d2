import { spawn } from "node:child_process";
import { readdir, utimes } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { DeleteObjectCommand, ListObjectVersionsCommand, ListObjectsV2Command, PutBucketVersioningCommand } from "@aws-sdk/client-s3";
import { asset } from "../support/project.ts";
import { sandbox, Sandbox, sha256, type Result } from "../support/sandbox.ts";
import { rawBucket } from "../support/raw-store.ts";
import { testS3 } from "../support/s3.ts";

/* What broke others' cleanups, in a directory and, where time need not be turned back, in a bucket. */
const s3 = await testS3();
const CLOCK = fileURLToPath(new URL("../support/clock.cjs", import.meta.url));
const AT_ONCE = ["--older-than", "0", "--delay", "0", "--yes"];

interface World {
  readonly box: Sandbox;
  /** Empty where the store is a directory. */
  readonly bucket: string;
  /** The oids of the objects in the store, sorted. */
  stored(): Promise<string[]>;
  /** Makes everything in gc/claims/ as old as if it had been written days ago; only in a directory. */
  age(days: number, under?: string): Promise<void>;
  /** A clone of an upstream, `<name>.git`, with Ballast and the store. */
  clone(directory: string, upstream?: string): Promise<void>;
  commit(repo: string, files: Record<string, Uint8Array>): Promise<void>;
  /** Every ref of the upstream can be restored in a new clone. */
  expectWhole(upstream?: string): Promise<void>;
}

async function world(kind: "directory" | "bucket" = "directory"): Promise<World> {
  const box = await sandbox({ env: kind === "bucket" ? { ...s3!.env(), BALLAST_STORE_REGION: "us-east-1" } : {} });
  const bucket = kind === "bucket" ? await s3!.bucket() : "";
  const url = kind === "bucket" ? `s3://${bucket}/team` : box.path("store");
  let clones = 0;
  const it: World = {
    box,
    bucket,
    async stored() {
      if (kind === "directory") return box.objects("store");
      const { Contents = [] } = await s3!.client().send(new ListObjectsV2Command({ Bucket: bucket, Prefix: "team/objects/" }));
      return Contents.map(({ Key }) => Key!.split("/").at(-1)!).sort();
    },
    async age(days, under = "gc") {
      const then = new Date(Date.now() - days * 24 * 3600 * 1000);
      for (const entry of await readdir(box.path("store", under), { recursive: true, withFileTypes: true })) if (entry.isFile()) await utimes(join(entry.parentPath, entry.name), then, then);
    },
    async clone(directory, upstream = "upstream") {
      if (!(await box.exists(`${upstream}.git`))) {
        await box.git(".", "init", "-q", "--bare", `${upstream}.git`);
        await box.git(".", "clone", "-q", `${upstream}.git`, directory);
        await box.mustBallast(directory, "init", url);
        await box.mustBallast(directory, "track", "*.bin");
        await it.commit(directory, { "first.bin": asset(`first of ${upstream}`) });
        await box.git(directory, "push", "-q", "-u", "origin", "main");
        return;
      }
      await box.mustBallast(".", "clone", "-q", `${upstream}.git`, directory);
    },
    async commit(repo, files) {
      for (const [path, content] of Object.entries(files)) await box.write(`${repo}/${path}`, content);
      await box.git(repo, "add", "--all");
      await box.git(repo, "commit", "-q", "-m", `with ${Object.keys(files).join(", ")}`);
      await box.settled(repo);
    },
    async expectWhole(upstream = "upstream") {
      const directory = `check${clones++}`;
      await box.mustBallast(".", "clone", "-q", `${upstream}.git`, directory);
      expect((await box.ballast(directory, "fetch", "--all")).status).toBe(0);
    },
  };
  return it;
}

/** A branch with an asset of its own is pushed and deleted again; the claims of its push have expired. */
async function withDead(it: World, name = "dead"): Promise<string> {
  await it.clone("author");
  await it.box.git("author", "switch", "-q", "-c", name);
  await it.commit("author", { [`${name}.bin`]: asset(name) });
  await it.box.git("author", "push", "-q", "origin", name);
  await it.box.git("author", "switch", "-q", "main");
  await it.box.settled("author");
  await it.clone("cleaner");
  await it.box.git("author", "push", "-q", "origin", `:${name}`);
  await it.age(8);
  return sha256(asset(name));
}

const clean = (it: World, ...args: string[]): Promise<Result> => it.box.ballast("cleaner", "cleanup", ...(args.length > 0 ? args : AT_ONCE));

describe("cleanup", () => {
  test("marks, and a later run removes; --dry-run says what and why, and changes nothing", async () => {
    const it = await world();
    const dead = await withDead(it);
    await it.box.git("cleaner", "fetch", "-q", "--prune");
    const before = await it.stored();
    const dry = JSON.parse((await clean(it, "--dry-run", "--older-than", "0", "--json")).stdout) as { dead: unknown[]; live: number };
    expect(dry).toMatchObject({ live: 1, dead: [{ oid: dead, state: "to mark", storedBytes: 3000 }] });
    expect(await it.stored()).toEqual(before);
    expect((await it.box.ballast("author", "cleanup", "--dry-run", "--older-than", "0")).stdout).toContain("nothing to remove");
    // Younger than the grace.
    expect((await clean(it, "--yes")).stdout).toContain("1 dead, but too young");
    expect((await clean(it, "--older-than", "0", "--yes")).stdout).toMatch(new RegExp(`^marked +${dead}.*due`, "m"));
    expect((await clean(it, "--older-than", "0", "--yes")).stdout).toMatch(/^waiting/m);
    expect(await it.stored()).toContain(dead);
    await it.age(2, "gc/marks");
    await it.age(3, "objects");
    // Nobody can be asked.
    expect((await clean(it, "--older-than", "0")).stderr).toContain("--yes");
    expect(await it.stored()).toContain(dead);
    expect((await clean(it, "--older-than", "0", "--yes")).stdout).toMatch(new RegExp(`^removed +${dead}`, "m"));
    expect(await it.stored()).toEqual([sha256(asset("first of upstream"))]);
    expect(await readdir(it.box.path("store/gc"))).not.toContain("sweeps.json");
    expect(await it.box.git("cleaner", "for-each-ref", "refs/ballast")).toBe("");
    await it.expectWhole();
  });

  test("says how much is there for the claims of pushes alone", async () => {
    const it = await world();
    await it.clone("author");
    await it.box.git("author", "switch", "-q", "-c", "short");
    await it.commit("author", { "short.bin": asset("short") });
    await it.box.git("author", "push", "-q", "origin", "short", "short:twin");
    const run = async (): Promise<{ live: number; claimed: number; dead: unknown[] }> => JSON.parse((await clean(it, "--dry-run", "--older-than", "0", "--json")).stdout);
    await it.clone("cleaner");
    expect(await run()).toMatchObject({ live: 2, claimed: 0 });
    await it.box.git("author", "push", "-q", "origin", ":short", ":twin");
    await it.box.run("cleaner", "git", ["reflog", "expire", "--expire=now", "--all"]);
    expect(await run()).toMatchObject({ live: 2, claimed: 1, dead: [] });
    expect((await clean(it, "--dry-run")).stdout).toContain("2 objects in use, 1 of them by no ref, but by a push of the last week");
    await it.age(8);
    expect(await run()).toMatchObject({ live: 1, claimed: 0, dead: [{ oid: sha256(asset("short")) }] });
  });

  test("says which commit had it last, where that is known", async () => {
    const it = await world();
    const dead = await withDead(it);
    await it.box.git("author", "branch", "-q", "-D", "dead");
    await it.box.git("author", "reflog", "expire", "--expire=now", "--all");
    const { stdout } = await it.box.ballast("author", "cleanup", "--dry-run", "--older-than", "0");
    expect(stdout).toMatch(new RegExp(`^to mark +${dead}.*last in commit [0-9a-f]{12} of \\d{4}-.* \\(with dead.bin\\) as dead.bin`, "m"));
  });

  test("--restore takes marks back, and --now removes at once", async () => {
    const it = await world();
    const dead = await withDead(it);
    await clean(it, "--older-than", "0");
    expect((await clean(it, "--restore")).stdout).toContain("1 object no longer marked");
    expect((await clean(it, "--older-than", "0", "--delay", "0", "--dry-run")).stdout).toContain("1 to mark");
    expect(await it.stored()).toContain(dead);
    await clean(it, "--older-than", "0", "--now", "--yes");
    expect(await it.stored()).not.toContain(dead);
  });

  test.runIf(s3)("what was removed from a bucket with versioning comes back when the delete markers go", async () => {
    const it = await world("bucket");
    const client = s3!.client();
    const Bucket = it.bucket;
    await client.send(new PutBucketVersioningCommand({ Bucket, VersioningConfiguration: { Status: "Enabled" } }));
    await it.clone("author");
    await it.box.git("author", "switch", "-q", "-c", "lost");
    await it.commit("author", { "lost.bin": asset("lost") });
    await it.box.git("author", "push", "-q", "origin", "lost");
    await it.clone("cleaner");
    await it.box.git("author", "push", "-q", "--no-verify", "origin", "lost:kept", ":lost");
    const lost = await it.box.git("upstream.git", "rev-parse", "kept");
    await it.box.git("upstream.git", "update-ref", "-d", "refs/heads/kept");
    // The store's clock cannot be turned: an expired claim is one that is gone.
    const raw = rawBucket(s3!, Bucket, "team/");
    for (const key of await raw.keys("gc/claims/")) await raw.remove(key);
    expect((await clean(it, "--older-than", "0", "--now", "--yes")).stdout).toContain("1 removed");
    expect(await it.stored()).not.toContain(sha256(asset("lost")));
    // As docs/cleanup.md has it, by the program aws.
    const { DeleteMarkers = [] } = await client.send(new ListObjectVersionsCommand({ Bucket, Prefix: "team/objects/" }));
    for (const { Key, VersionId } of DeleteMarkers.filter(({ IsLatest }) => IsLatest)) await client.send(new DeleteObjectCommand({ Bucket, Key, VersionId }));
    expect(await it.stored()).toContain(sha256(asset("lost")));
    await it.box.git("upstream.git", "update-ref", "refs/heads/lost", lost);
    await it.expectWhole();
  });

  test("keeps what an unmerged branch, a tag, a stash, a reflog, an index or another worktree needs", async () => {
    const it = await world();
    await withDead(it);
    const { box } = it;
    await box.git("author", "switch", "-q", "-c", "unmerged");
    await it.commit("author", { "unmerged.bin": asset("unmerged") });
    await box.git("author", "switch", "-q", "--detach", "main");
    await it.commit("author", { "tagged.bin": asset("tagged") });
    await box.git("author", "tag", "v1");
    await box.git("author", "push", "-q", "origin", "unmerged", "v1");
    // All of these were in the store, and only something local has them now.
    const local = ["stashed", "reset", "staged", "elsewhere"];
    await box.git("cleaner", "switch", "-q", "-c", "gone");
    await it.commit("cleaner", Object.fromEntries(local.map((name) => [`${name}.bin`, asset(name)])));
    await box.git("cleaner", "push", "-q", "origin", "gone");
    await box.git("cleaner", "push", "-q", "origin", ":gone");
    await box.git("cleaner", "switch", "-q", "main");
    await box.settled("cleaner");
    await box.git("cleaner", "branch", "-q", "-D", "gone");
    await box.git("cleaner", "reflog", "expire", "--expire=now", "--all");
    await it.age(8);
    await box.write("cleaner/first.bin", asset("reset"));
    await box.git("cleaner", "commit", "-q", "-a", "-m", "reset");
    await box.git("cleaner", "reset", "-q", "--hard", "HEAD~");
    await box.settled("cleaner");
    await box.git("cleaner", "worktree", "add", "-q", "../elsewhere", "-b", "other");
    await box.write("elsewhere/first.bin", asset("elsewhere"));
    await box.git("elsewhere", "commit", "-q", "-a", "-m", "elsewhere");
    await box.write("cleaner/first.bin", asset("stashed"));
    await box.git("cleaner", "stash", "-q");
    await box.settled("cleaner");
    await box.write("cleaner/first.bin", asset("staged"));
    await box.git("cleaner", "add", "-A");
    expect((await clean(it)).status).toBe(0);
    expect((await clean(it)).status).toBe(0);
    const kept = ["first of upstream", "unmerged", "tagged", ...local].map((name) => sha256(asset(name)));
    expect(await it.stored()).toEqual(kept.sort());
  });

  test("keeps the base of a delta that is needed, removes a dead chain whole, and never half of one", async () => {
    const it = await world();
    await it.clone("author");
    const base = Buffer.alloc(200_000, "base ");
    const edit = Buffer.from(base);
    for (let i = 0; i < edit.length; i += 20_000) edit.set(asset(`edit ${i}`, 64), i);
    const bulk = asset("bulk", 200_000);
    const versions = [Buffer.concat([base, bulk]), Buffer.concat([edit, bulk])];
    await it.box.git("author", "switch", "-q", "-c", "old");
    await it.commit("author", { "model.bin": versions[0]! });
    await it.commit("author", { "model.bin": versions[1]! });
    await it.box.git("author", "push", "-q", "origin", "old");
    const [first, second] = versions.map(sha256);
    expect((await it.stored()).some((name) => name.startsWith(`${second!}.${first!}`)), "a delta").toBe(true);
    // The second version alone lives on, on a branch without the first.
    await it.box.git("author", "switch", "-q", "-c", "new", "main");
    await it.commit("author", { "model.bin": versions[1]! });
    await it.box.git("author", "push", "-q", "origin", "new", ":old");
    await it.clone("cleaner");
    await it.age(8);
    await clean(it);
    await clean(it);
    expect((await it.stored()).map((name) => name.slice(0, 64)).sort()).toEqual([first!, second!, sha256(asset("first of upstream"))].sort());
    await it.expectWhole();
    await it.box.git("author", "push", "-q", "origin", ":new");
    await it.age(8);
    await clean(it);
    await clean(it);
    expect(await it.stored()).toEqual([sha256(asset("first of upstream"))]);
  });

  test("refuses, with a reason, when it cannot know what is needed", async () => {
    const it = await world();
    const dead = await withDead(it);
    const { box } = it;
    await box.git(".", "clone", "-q", "--depth", "1", `file://${box.path("upstream.git")}`, "shallow");
    await box.git(".", "clone", "-q", "--filter=blob:none", `file://${box.path("upstream.git")}`, "partial");
    const refused = async (cwd: string, reason: RegExp): Promise<void> => {
      const { status, stderr } = await box.ballast(cwd, "cleanup", ...AT_ONCE);
      expect(status).not.toBe(0);
      expect(stderr).toMatch(reason);
      expect(await it.stored()).toContain(dead);
    };
    await refused("shallow", /shallow/);
    await refused("partial", /partial clone/);
    await box.git("cleaner", "remote", "add", "gone", box.path("gone.git"));
    await refused("cleaner", /remote gone could not be fetched/);
    await box.git("cleaner", "remote", "remove", "gone");
    const head = await box.git("author", "rev-parse", "HEAD");
    for (const [content, reason] of [['{"ballast":"manifest","version":2}\n', /version 2/], ["garbage\n", /not a manifest/]] as const) {
      await box.write("author/.ballast/manifest.jsonl", content);
      const blob = await box.git("author", "hash-object", "-w", "--no-filters", ".ballast/manifest.jsonl");
      await box.git("author", "update-index", "--cacheinfo", `100644,${blob},.ballast/manifest.jsonl`);
      const commit = await box.git("author", "commit-tree", "-p", head, "-m", "odd", await box.git("author", "write-tree"));
      await box.git("author", "push", "-q", "--no-verify", "origin", `${commit}:refs/heads/odd`);
      await refused("cleaner", reason);
      await box.git("author", "push", "-q", "--no-verify", "origin", ":odd");
    }
    await box.git("author", "reset", "-q", "--hard", head);
    const made = await box.read("store/ballast.json");
    await box.write("store/ballast.json", '{"ballast":"store","version":2}\n');
    await refused("cleaner", /version 2/);
    await box.write("store/ballast.json", made);
    const newer = `store/objects/${dead.slice(0, 2)}/${dead}.zst`;
    await box.write(newer, "what a newer version has made of it");
    await refused("cleaner", /encoding that this version does not know/);
    await box.run(".", "rm", [newer]);
    await box.write("store/gc/claims/strange", "what is this");
    await refused("cleaner", /gc\/claims\/strange/);
    await box.run(".", "rm", ["store/gc/claims/strange"]);
    await box.write("store/ballast.json", '{"ballast":"store","version":1}\n');
    await refused("cleaner", /known are: .*upstream/);
    await box.mustBallast("cleaner", "cleanup", "--all-known");
    await box.mustBallast("cleaner", "cleanup", ...AT_ONCE);
    await box.mustBallast("cleaner", "cleanup", ...AT_ONCE);
    expect(await it.stored()).not.toContain(dead);
  });

  test("a machine whose clock is a day off cleans and pushes like any other", async () => {
    const it = await world();
    const dead = await withDead(it);
    await clean(it, "--older-than", "0");
    for (const days of [2, -2]) {
      const off = new Sandbox(it.box.root, { ...it.box.env, NODE_OPTIONS: `--require=${CLOCK}`, BALLAST_TEST_CLOCK_MS: String(days * 24 * 3600 * 1000) });
      // Neither the mark nor the claim of a push is any older for it.
      await it.commit("author", { "new.bin": asset(`new ${days}`) });
      await off.git("author", "push", "-q", "origin", "main", "main:passing");
      await off.git("author", "push", "-q", "origin", ":passing");
      expect(await off.mustBallast("cleaner", "cleanup", "--older-than", "0", "--yes")).toMatch(new RegExp(`^waiting +${dead}`, "m"));
      expect(await off.mustBallast("cleaner", "cleanup", "--yes")).not.toContain("removed");
      expect(await it.stored()).toContain(sha256(asset(`new ${days}`)));
    }
    await it.age(2, "gc/marks");
    await it.age(3, "objects");
    const ahead = new Sandbox(it.box.root, { ...it.box.env, NODE_OPTIONS: `--require=${CLOCK}`, BALLAST_TEST_CLOCK_MS: "-86400000" });
    expect((await ahead.ballast("cleaner", "cleanup", "--older-than", "0", "--yes")).stdout).toMatch(new RegExp(`^removed +${dead}`, "m"));
    await it.expectWhole();
  });

  test("a laptop that falls asleep in the middle of its push, for longer than claims last, pushes what was swept meanwhile", async () => {
    const it = await world();
    const dead = await withDead(it);
    await it.clone("laptop");
    await it.commit("laptop", { "mine.bin": asset("dead") });
    // It sleeps as soon as it has claimed, with an upload still before it. What it pushes besides is in the store, so it will not send that.
    await it.commit("laptop", { "large.bin": asset("large", 30_000_000) });
    const before = new Set(await readdir(it.box.path("store/gc/claims"), { recursive: true }));
    const push = spawn("git", ["push", "-q", "origin", "main"], { cwd: it.box.path("laptop"), env: it.box.env, detached: true, stdio: "ignore" });
    const ended = new Promise<number | null>((resolve) => push.once("close", resolve));
    for (let claimed = false; !claimed && push.exitCode === null; ) claimed = (await readdir(it.box.path("store/gc/claims"), { recursive: true })).some((name) => name.includes("push-") && !before.has(name));
    process.kill(-push.pid!, "SIGSTOP");
    expect(await it.stored(), "stopped in time").not.toContain(sha256(asset("large", 30_000_000)));
    await it.age(9);
    for (let i = 0; i < 2; i++) await clean(it);
    expect(await it.stored()).not.toContain(dead);
    process.kill(-push.pid!, "SIGCONT");
    expect(await ended).toBe(0);
    await it.expectWhole();
  });
});

describe.each(s3 ? (["directory", "bucket"] as const) : (["directory"] as const))("beside pushes, in a %s,", (kind) => {
  test("content of another clone's unpushed commit that is marked is kept by its push, before and after the sweep", async () => {
    const it = await world(kind);
    await it.clone("cleaner");
    // Uploaded by nobody that is known any more: without a claim.
    await it.clone("author");
    for (const name of ["one", "two"]) await it.box.write(`author/${name}.bin`, asset(name));
    await it.box.mustBallast("author", "track", "--modified", "--push");
    await forgetClaims(it, kind);
    await it.box.git("author", "reset", "-q", "--hard");
    expect((await clean(it, "--older-than", "0")).stdout).toContain("2 marked");
    // Another clone makes the same content, and pushes one of the two before the sweep.
    await it.clone("colleague");
    await it.commit("colleague", { "mine.bin": asset("one") });
    await it.box.git("colleague", "push", "-q", "origin", "main");
    await clean(it);
    expect(await it.stored()).toEqual(["first of upstream", "one"].map((name) => sha256(asset(name))).sort());
    await it.commit("colleague", { "mine.bin": asset("two") });
    await it.box.git("colleague", "push", "-q", "origin", "main");
    await it.expectWhole();
  });

  test("a branch that was deleted, swept and is pushed again gets its content back, although the clone thinks it is there", async () => {
    const it = await world(kind);
    await it.clone("cleaner");
    await it.clone("author");
    await it.box.git("author", "switch", "-q", "-c", "topic");
    await it.commit("author", { "topic.bin": asset("topic") });
    await it.box.git("author", "push", "-q", "origin", "topic");
    await it.box.git("cleaner", "push", "-q", "--no-verify", "origin", ":topic");
    await forgetClaims(it, kind);
    await clean(it, "--older-than", "0", "--now", "--yes");
    expect(await it.stored()).toEqual([sha256(asset("first of upstream"))]);
    expect(await it.box.git("author", "rev-parse", "--verify", "refs/remotes/origin/topic")).toBeTruthy();
    await it.box.git("author", "push", "-q", "origin", "topic", "topic:again");
    await it.expectWhole();
  });

  test("a repository of another upstream loses nothing that it ever pushed, until it says so or is forgotten", async () => {
    const it = await world(kind);
    await it.clone("cleaner");
    await it.clone("game", "second");
    await it.box.git("game", "switch", "-q", "-c", "shared");
    await it.commit("game", { "shared.bin": asset("shared") });
    await it.box.git("game", "push", "-q", "origin", "shared");
    if (kind === "directory") await it.age(400);
    for (let i = 0; i < 3; i++) await clean(it, "--older-than", "0", "--now", "--yes");
    expect(await it.stored()).toHaveLength(3);
    await it.expectWhole("second");
    const { users } = JSON.parse((await clean(it, "--dry-run", "--json")).stdout) as { users: { id: string; label: string; own: boolean }[] };
    expect(users.map(({ label, own }) => [label.split("/").at(-1), own])).toEqual([["upstream", true], ["second", false]]);
    if (kind === "directory") {
      // Its own cleanup knows that it needs less.
      await it.box.git("game", "push", "-q", "origin", ":shared");
      await it.box.mustBallast(".", "clone", "-q", "second.git", "game2");
      await it.box.mustBallast("game2", "cleanup", "--older-than", "0", "--now", "--yes");
      expect(await it.stored()).toHaveLength(2);
    }
    await it.box.mustBallast("cleaner", "cleanup", "--forget", users[1]!.id, "--yes");
    await clean(it, "--older-than", "0", "--now", "--yes");
    expect(await it.stored()).toEqual([sha256(asset("first of upstream"))]);
  });

  /** As if the claims had become a week old, and a cleanup had removed them. */
  async function forgetClaims(it: World, where: typeof kind): Promise<void> {
    if (where === "directory") return it.age(8, "gc/claims");
    const { users } = JSON.parse((await clean(it, "--dry-run", "--json")).stdout) as { users: { id: string }[] };
    for (const { id } of users) await it.box.mustBallast("cleaner", "cleanup", "--forget", id, "--yes");
  }
});
