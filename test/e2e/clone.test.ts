import { chmod, rename, stat } from "node:fs/promises";
import { expect, test } from "vitest";
import { asset, project, type Project } from "../support/project.ts";

async function pushed(store?: string): Promise<Project> {
  const it = await project(store);
  await it.box.write("repo/tool.bin", asset("tool"));
  await chmod(it.box.path("repo/tool.bin"), 0o755);
  await it.commit({ "a.bin": asset("a"), "sub/empty.bin": "", "readme.md": "text" });
  await it.box.git("repo", "push", "-q", "-u", "origin", "main");
  return it;
}

test("git ballast clone gives a worktree with every asset, its mode, and hooks that work", async () => {
  const { box } = await pushed();
  await box.mustBallast(".", "clone", box.path("upstream.git"));
  expect(await box.read("upstream/a.bin")).toEqual(asset("a"));
  expect(await box.read("upstream/sub/empty.bin")).toEqual(Buffer.alloc(0));
  expect((await stat(box.path("upstream/tool.bin"))).mode & 0o100).toBe(0o100);
  expect((await stat(box.path("upstream/a.bin"))).mode & 0o100).toBe(0);
  expect(await box.git("upstream", "status", "--porcelain")).toBe("");
  await box.write("upstream/a.bin", asset("edited"));
  expect(await box.git("upstream", "status", "--porcelain")).toBe(" M .ballast/manifest.jsonl");
  await box.git("upstream", "commit", "-q", "-a", "-m", "edit");
  await box.git("upstream", "push", "-q");
  await box.git("repo", "pull", "-q");
  await box.settled("repo");
  expect(await box.read("repo/a.bin")).toEqual(asset("edited"));
});

test("takes Git's own options, and a directory", async () => {
  const { box, commit } = await pushed();
  await box.git("repo", "switch", "-q", "-c", "topic");
  await commit({ "a.bin": asset("topic") });
  await box.git("repo", "push", "-q", "origin", "topic");
  await box.mustBallast(".", "clone", "--depth", "1", "--branch", "topic", "-c", "user.name=Someone", `file://${box.path("upstream.git")}`, "in here");
  expect(await box.read("in here/a.bin")).toEqual(asset("topic"));
  expect(await box.git("in here", "config", "user.name")).toBe("Someone");
  expect(await box.git("in here", "rev-list", "--count", "HEAD")).toBe("1");
  await box.write("in here/a.bin", asset("from a shallow clone"));
  await box.git("in here", "commit", "-q", "-a", "-m", "edit");
  await box.git("in here", "push", "-q", "origin", "topic");
});

test("with the store out of reach it still gives a Git checkout, says what is missing, and one command finishes", async () => {
  const { box } = await pushed();
  await rename(box.path("store"), box.path("elsewhere"));
  const { status, stderr } = await box.ballast(".", "clone", box.path("upstream.git"), "new");
  expect(status).toBe(8);
  expect(stderr).toContain("3 assets were not restored");
  for (const path of ["a.bin", "sub/empty.bin", "tool.bin"]) expect(stderr).toContain(path);
  expect(stderr).toContain("git -C new ballast checkout");
  expect((await box.read("new/readme.md")).toString()).toBe("text");
  expect(await box.git("new", "status", "--porcelain")).toBe("");
  // Work goes on, and nothing that is not here is ever taken for deleted.
  await box.write("new/readme.md", "edited");
  await box.git("new", "commit", "-q", "-a", "-m", "text only");
  expect(await box.git("new", "show", "--stat", "--format=", "HEAD")).not.toContain(".ballast");
  await rename(box.path("elsewhere"), box.path("store"));
  await box.mustBallast("new", "checkout");
  expect(await box.read("new/a.bin")).toEqual(asset("a"));
  expect(await box.git("new", "status", "--porcelain")).toBe("");
});

test("an S3 endpoint that does not answer is out of reach too", async () => {
  const { box } = await pushed();
  await box.write("repo/.ballast/config", "[store]\n\turl = s3://bucket/prefix\n\tendpoint = http://127.0.0.1:9\n\tregion = us-east-1\n");
  await box.git("repo", "commit", "-q", "-a", "-m", "move");
  await box.git("repo", "push", "-q", "--no-verify");
  Object.assign(box.env, { AWS_ACCESS_KEY_ID: "id", AWS_SECRET_ACCESS_KEY: "secret", BALLAST_STORE_ATTEMPTS: "1" });
  const { status, stderr } = await box.ballast(".", "clone", box.path("upstream.git"), "new");
  expect(status).toBe(8);
  expect(stderr).toContain("a.bin");
  expect(await box.git("new", "status", "--porcelain")).toBe("");
});

test("names an object that the store has lost, and restores the rest", async () => {
  const { box } = await pushed();
  const [first] = await box.objects("store");
  await rename(box.path("store/objects", first!.slice(0, 2), first!), box.path("taken"));
  const { status, stderr } = await box.ballast(".", "clone", box.path("upstream.git"), "new");
  expect(status).toBe(6);
  expect(stderr).toContain("1 asset was not restored");
  const restored = await Promise.all(["a.bin", "sub/empty.bin", "tool.bin"].map((path) => box.exists(`new/${path}`)));
  expect(restored.filter(Boolean)).toHaveLength(2);
});

test("a repository without assets, a bare clone and one without a checkout are just cloned", async () => {
  const { box } = await pushed();
  await box.git(".", "init", "-q", "plain");
  await box.git("plain", "commit", "-q", "--allow-empty", "-m", "first");
  await box.mustBallast(".", "clone", "plain", "plain copy");
  expect(await box.exists("plain copy/.git/hooks/pre-push")).toBe(false);
  await box.mustBallast(".", "clone", "--bare", "upstream.git", "copy.git");
  expect(await box.git("copy.git", "rev-parse", "--is-bare-repository")).toBe("true");
  await box.mustBallast(".", "clone", "--no-checkout", "upstream.git", "empty");
  expect(await box.exists("empty/a.bin")).toBe(false);
});

test("a clone that Git cannot make leaves nothing and says why", async () => {
  const { box } = await pushed();
  const { status, stderr } = await box.ballast(".", "clone", box.path("nowhere.git"), "new");
  expect(status).toBe(3);
  expect(stderr).toContain("nowhere.git");
  expect(await box.exists("new")).toBe(false);
});
