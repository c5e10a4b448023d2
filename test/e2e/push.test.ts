import { rename, rm } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import { asset, project } from "../support/project.ts";
import { sha256 } from "../support/sandbox.ts";

const oids = (...contents: Uint8Array[]): string[] => contents.map(sha256).sort();

describe("git push uploads first", () => {
  test("every commit of the range, also what a later one deleted", async () => {
    const { box, commit, upstream } = await project();
    await commit({ "a.bin": asset("a"), "gone.bin": asset("gone") });
    await rm(box.path("repo/gone.bin"));
    const tip = await commit({ "a.bin": asset("a2") });
    await box.git("repo", "push", "-q", "origin", "main");
    expect(await box.objects("store")).toEqual(oids(asset("a"), asset("a2"), asset("gone")));
    expect(await upstream("main")).toBe(tip);
  });

  test("the same content at two paths once, and none for a rename", async () => {
    const { box, commit } = await project();
    await commit({ "a.bin": asset("a"), "sub/copy.bin": asset("a") });
    await box.git("repo", "push", "-q", "-u", "origin", "main");
    await rename(box.path("repo/sub"), box.path("repo/renamed"));
    await commit({});
    const { stderr } = await box.tryGit("repo", "push");
    expect(stderr).not.toMatch(/upload/i);
    expect(await box.objects("store")).toEqual(oids(asset("a")));
  });

  test("a zero-length file, and names that need quoting", async () => {
    const { box, commit } = await project();
    const names = ["empty.bin", "with space.bin", "-dash.bin", 'quo"te.bin', "li\nne.bin", "emoji 🎈.bin"];
    await commit(Object.fromEntries(names.map((name, i) => [name, i === 0 ? "" : asset(name)])));
    await box.git("repo", "push", "-q", "origin", "main");
    expect(await box.objects("store")).toEqual(oids(Buffer.alloc(0), ...names.slice(1).map((name) => asset(name))));
  });

  test("to two remotes, each by what it has", async () => {
    const { box, commit, upstream } = await project();
    await box.git(".", "init", "-q", "--bare", "second.git");
    await box.git("repo", "remote", "add", "second", "../second.git");
    const first = await commit({ "a.bin": asset("a") });
    await box.git("repo", "push", "-q", "origin", "main");
    await box.git("repo", "push", "-q", "second", "main");
    const next = await commit({ "a.bin": asset("a2") });
    await box.git("repo", "push", "-q", "second", "main");
    expect(await box.objects("store")).toEqual(oids(asset("a"), asset("a2")));
    expect([await upstream("main"), await upstream("main", "second.git")]).toEqual([first, next]);
    await box.git("repo", "push", "-q", "origin", "main");
    expect(await upstream("main")).toBe(next);
  });

  test("from a detached HEAD, to a URL without a name", async () => {
    const { box, commit, upstream } = await project();
    await commit({ "a.bin": asset("a") });
    await box.git("repo", "switch", "-q", "--detach");
    const tip = await commit({ "b.bin": asset("b") });
    await box.git("repo", "push", "-q", box.path("upstream.git"), "HEAD:refs/heads/topic");
    expect(await upstream("topic")).toBe(tip);
    expect(await box.objects("store")).toEqual(oids(asset("a"), asset("b")));
  });

  test("by force over a commit that was never fetched", async () => {
    const { box, commit, upstream } = await project();
    await commit({ "a.bin": asset("a") });
    await box.git("repo", "push", "-q", "origin", "main");
    await box.git(".", "clone", "-q", "upstream.git", "other");
    await box.git("other", "commit", "-q", "--allow-empty", "-m", "theirs");
    await box.git("other", "push", "-q", "--no-verify");
    await box.write("repo/a.bin", asset("amended"));
    await box.git("repo", "commit", "-q", "-a", "--amend", "-m", "mine");
    await box.git("repo", "push", "-q", "--force", "origin", "main");
    expect(await upstream("main")).toBe(await box.git("repo", "rev-parse", "HEAD"));
    expect(await box.objects("store")).toEqual(oids(asset("a"), asset("amended")));
  });

  test("what only a tag reaches", async () => {
    const { box, commit, upstream } = await project();
    await commit({ "a.bin": asset("a") });
    await box.git("repo", "push", "-q", "origin", "main");
    await box.git("repo", "switch", "-q", "--detach");
    await commit({ "b.bin": asset("b") });
    await box.git("repo", "tag", "-a", "-m", "one", "v1");
    await box.git("repo", "switch", "-q", "main");
    await box.settled("repo");
    await box.git("repo", "push", "-q", "origin", "v1");
    expect(await upstream("v1")).toBeDefined();
    expect(await box.objects("store")).toEqual(oids(asset("a"), asset("b")));
  });
});

describe("git push fails, and the upstream stays as it was,", () => {
  test("when an object is missing everywhere, naming path, commit and oid", async () => {
    const { box, commit, upstream } = await project();
    const lost = await commit({ "art/lost.bin": asset("lost"), "b.bin": asset("b") });
    await commit({ "art/lost.bin": asset("next") });
    const oid = sha256(asset("lost"));
    await rm(box.path(`repo/.git/ballast/objects/${oid.slice(0, 2)}`), { recursive: true });
    const { status, stderr } = await box.tryGit("repo", "push", "origin", "main");
    expect(status).not.toBe(0);
    expect(stderr).toContain(`art/lost.bin of commit ${lost.slice(0, 12)}, object ${oid}`);
    expect(stderr).toContain("git ballast fetch --all");
    expect(await upstream("main")).toBeUndefined();
    expect(await box.objects("store")).toEqual([]);
    // Mended by putting that version back.
    await box.write("repo/art/lost.bin", asset("lost"));
    await box.git("repo", "push", "-q", "origin", "main");
    expect(await box.objects("store")).toEqual(oids(asset("lost"), asset("next"), asset("b")));
  });

  test("when the store is out of reach, and the next push finishes", async () => {
    const { box, commit, upstream } = await project();
    const tip = await commit({ "a.bin": asset("a") });
    await rename(box.path("store"), box.path("elsewhere"));
    const { status, stderr } = await box.tryGit("repo", "push", "origin", "main");
    expect(status).not.toBe(0);
    expect(stderr).toContain(box.path("store"));
    expect(await upstream("main")).toBeUndefined();
    await rename(box.path("elsewhere"), box.path("store"));
    await box.git("repo", "push", "-q", "origin", "main");
    expect(await upstream("main")).toBe(tip);
    expect(await box.objects("store")).toEqual(oids(asset("a")));
  });

  test("when a commit that was pulled sends the assets to another store", async () => {
    const { box, commit, upstream } = await project();
    const config = (await box.read("repo/.ballast/config")).toString();
    await commit({ "a.bin": asset("a"), ".ballast/config": config.replace(/store$/m, "hostile") });
    const { status, stderr } = await box.tryGit("repo", "push", "origin", "main");
    expect(status).not.toBe(0);
    expect(stderr).toContain("git ballast trust");
    expect(await upstream("main")).toBeUndefined();
    expect(await box.exists("hostile")).toBe(false);
  });
});

test("a push that needs no asset opens no store", async () => {
  const { box, commit, upstream } = await project();
  await commit({ "a.bin": asset("a") });
  await box.git("repo", "push", "-q", "origin", "main", "main:topic");
  await rename(box.path("store"), box.path("elsewhere"));
  const tip = await commit({ "readme.md": "text" });
  await box.git("repo", "push", "-q", "origin", "main");
  expect(await upstream("main")).toBe(tip);
  await box.git("repo", "push", "-q", "origin", ":topic");
  expect(await upstream("topic")).toBeUndefined();
});

test("with the embedded store, a push says that the assets are still only here and how to move", async () => {
  const { box, commit } = await project("");
  await commit({ "a.bin": asset("a") });
  const { status, stderr } = await box.tryGit("repo", "push", "origin", "main");
  expect(status).toBe(0);
  expect(stderr).toContain("only on this machine");
  expect(stderr).toContain("git ballast store set s3://bucket/prefix");
});

test("git ballast push uploads without pushing; --dry-run shows what; --all takes every ref", async () => {
  const { box, commit, upstream } = await project();
  await commit({ "a.bin": asset("a") });
  await box.git("repo", "switch", "-q", "-c", "side");
  await commit({ "b.bin": asset("b") });
  await box.git("repo", "switch", "-q", "main");
  await box.settled("repo");
  const dry = await box.ballast("repo", "push", "--dry-run");
  expect(dry).toMatchObject({ status: 0 });
  expect(dry.stdout + dry.stderr).toContain("a.bin");
  expect(await box.objects("store")).toEqual([]);
  await box.mustBallast("repo", "push");
  expect(await box.objects("store")).toEqual(oids(asset("a")));
  await box.mustBallast("repo", "push", "--all");
  expect(await box.objects("store")).toEqual(oids(asset("a"), asset("b")));
  expect(await upstream("main")).toBeUndefined();
  expect((await box.ballast("repo", "push", "origin", "no-such-branch")).status).toBe(2);
});

test("two pushes at once, and one from another clone, end with all the content", async () => {
  const { box, commit, upstream } = await project();
  await commit({ "base.bin": asset("base") });
  await box.git("repo", "push", "-q", "-u", "origin", "main");
  await box.mustBallast(".", "clone", "upstream.git", "other");
  await box.git("other", "switch", "-q", "-c", "theirs");
  const shared = Array.from({ length: 20 }, (_, i) => [`${i}.bin`, asset(`shared ${i}`)] as const);
  for (const [name, content] of shared) await box.write(`other/${name}`, content);
  await box.git("other", "add", "--all");
  await box.git("other", "commit", "-q", "-m", "the same content");
  await commit(Object.fromEntries(shared));
  const pushes = [["repo", "main"], ["repo", "main:second"], ["other", "theirs"]] as const;
  const results = await Promise.all(pushes.map(([cwd, ref]) => box.tryGit(cwd, "push", "-q", "origin", ref)));
  expect(results.map(({ status, stderr }) => ({ status, stderr: status === 0 ? "" : stderr }))).toEqual(pushes.map(() => ({ status: 0, stderr: "" })));
  expect(await box.objects("store")).toEqual(oids(asset("base"), ...shared.map(([, content]) => content)));
  expect(await upstream("second")).toBe(await upstream("main"));
});
