import { chmod, rename } from "node:fs/promises";
import { beforeAll, describe, expect, it } from "vitest";
import { sandbox, type Sandbox, sha256 } from "../support/sandbox.ts";

let box: Sandbox;
beforeAll(async () => {
  box = await sandbox();
});

let count = 0;
async function emptyRepo(): Promise<string> {
  const name = `repo${count++}`;
  await box.git(".", "init", "--quiet", name);
  return name;
}

async function hook(repo: string, name: string, text: string): Promise<void> {
  await box.write(`${repo}/.git/hooks/${name}`, text);
  await chmod(box.path(repo, ".git/hooks", name), 0o755);
}

/** Initialises, tracks and commits one asset. */
async function withAsset(repo: string): Promise<void> {
  await box.mustBallast(repo, "init", box.path(`${repo}.store`));
  await box.write(`${repo}/a.psd`, "a1");
  await box.mustBallast(repo, "track", "*.psd");
  await box.git(repo, "add", "--all");
}

describe("install", () => {
  it("runs beside hooks that are there, before them, and hands pre-push's input to all", async () => {
    const repo = await emptyRepo();
    await hook(repo, "pre-commit", "#!/bin/sh\necho theirs >> committed\n");
    await hook(repo, "pre-push", '#!/bin/bash\necho "args $*" > pushed\ncat >> pushed\n');
    await hook(repo, "post-commit", "#!/usr/bin/env node\nrequire('fs').appendFileSync('node-hook', 'ran');\n");
    await withAsset(repo);
    await box.git(repo, "commit", "--quiet", "-m", "one");
    expect((await box.read(`${repo}/committed`)).toString()).toBe("theirs\n");
    expect((await box.read(`${repo}/node-hook`)).toString()).toBe("ran");
    await box.git(".", "init", "--quiet", "--bare", `${repo}.git`);
    await box.git(repo, "remote", "add", "origin", box.path(`${repo}.git`));
    await box.git(repo, "push", "--quiet", "origin", "main");
    const head = await box.git(repo, "rev-parse", "HEAD");
    expect((await box.read(`${repo}/pushed`)).toString()).toBe(`args origin ${box.path(`${repo}.git`)}\nrefs/heads/main ${head} refs/heads/main ${"0".repeat(40)}\n`);
    expect(await box.objects(`${repo}.store`)).toHaveLength(1);
  });

  it("repeated changes nothing, and uninstall leaves what was there byte for byte", async () => {
    const repo = await emptyRepo();
    const theirs = { "pre-commit": "#!/bin/sh\n# mine\nexit 0\n", "post-merge": "#!/usr/bin/env python3\nprint('x')\n" };
    for (const [name, text] of Object.entries(theirs)) await hook(repo, name, text);
    await box.mustBallast(repo, "init");
    const snapshot = async () => Promise.all(["pre-commit", "pre-push", "post-merge"].map(async (name) => (await box.read(`${repo}/.git/hooks/${name}`)).toString()));
    const first = await snapshot();
    await box.mustBallast(repo, "install");
    await box.mustBallast(repo, "init");
    expect(await snapshot()).toEqual(first);
    await box.mustBallast(repo, "uninstall");
    for (const [name, text] of Object.entries(theirs)) expect((await box.read(`${repo}/.git/hooks/${name}`)).toString()).toBe(text);
    for (const name of ["pre-push", "post-checkout", "post-merge.before-ballast"]) expect(await box.exists(`${repo}/.git/hooks/${name}`)).toBe(false);
    expect(await box.git(repo, "config", "--local", "--list")).not.toMatch(/^(filter|diff|merge)\.ballast/m);
  });

  it("goes where core.hooksPath points", async () => {
    const repo = await emptyRepo();
    await box.git(repo, "config", "core.hooksPath", ".team-hooks");
    await box.mustBallast(repo, "init");
    expect(await box.exists(`${repo}/.team-hooks/pre-push`)).toBe(true);
    expect(await box.exists(`${repo}/.git/hooks/pre-push`)).toBe(false);
  });

  it("lets a failing hook of theirs fail the commit", async () => {
    const repo = await emptyRepo();
    await hook(repo, "pre-commit", "#!/bin/sh\nexit 3\n");
    await withAsset(repo);
    expect((await box.tryGit(repo, "commit", "-m", "no")).status).not.toBe(0);
  });
});

describe("a hook", () => {
  it("without a program to start refuses a push and says what to do, and lets one pass that asks for it", async () => {
    const repo = await emptyRepo();
    await withAsset(repo);
    await box.git(repo, "commit", "--quiet", "-m", "one");
    await box.git(".", "init", "--quiet", "--bare", `${repo}.git`);
    await box.git(repo, "remote", "add", "origin", box.path(`${repo}.git`));
    const file = box.path(repo, ".git/hooks/pre-push");
    const text = (await box.read(file)).toString();
    await box.write(file, text.replaceAll("/dist/driver.cjs", "/dist/gone.js"));
    await rename(box.path("bin/git-ballast"), box.path("bin/away"));
    try {
      const push = await box.tryGit(repo, "push", "origin", "main");
      expect(push.status).not.toBe(0);
      expect(push.stderr).toContain("git-ballast was not found");
      expect(push.stderr).toContain("npm install -g git-ballast");
      box.env["BALLAST_SKIP"] = "1";
      await box.git(repo, "push", "--quiet", "origin", "main");
    } finally {
      delete box.env["BALLAST_SKIP"];
      await rename(box.path("bin/away"), box.path("bin/git-ballast"));
    }
  });

  it("before a commit refuses a tracked asset that was forced into Git itself", async () => {
    const repo = await emptyRepo();
    await withAsset(repo);
    await box.git(repo, "commit", "--quiet", "-m", "one");
    await box.write(`${repo}/b.psd`, "b1");
    await box.git(repo, "add", "--force", "b.psd");
    const commit = await box.tryGit(repo, "commit", "-m", "two");
    expect(commit.status).not.toBe(0);
    expect(commit.stderr).toMatch(/b\.psd is a tracked asset but is staged in Git itself\n.*git rm --cached b\.psd/);
  });

  it("before a commit refuses a manifest line whose content is nowhere", async () => {
    const repo = await emptyRepo();
    await withAsset(repo);
    const line = `{"path":"ghost.psd","oid":"${"1".repeat(64)}","size":1}\n`;
    const manifest = (await box.read(`${repo}/.ballast/manifest.jsonl`)).toString() + line;
    await box.write(`${repo}/.ballast/manifest.jsonl`, manifest);
    await box.git(repo, "add", "--all");
    const commit = await box.tryGit(repo, "commit", "-m", "ghost");
    expect(commit.status).not.toBe(0);
    expect(commit.stderr).toContain("ghost.psd");
    expect(commit.stderr).toContain("1".repeat(64));
  });

  it("records in pre-commit where git.live is off", async () => {
    const repo = await emptyRepo();
    await withAsset(repo);
    await box.git(repo, "commit", "--quiet", "-m", "one");
    await box.mustBallast(repo, "config", "git.live", "false");
    await box.mustBallast(repo, "install");
    await box.write(`${repo}/a.psd`, "a2");
    expect(await box.git(repo, "status", "--short")).toBe("");
    await box.write(`${repo}/code.txt`, "x");
    await box.git(repo, "add", "code.txt");
    await box.git(repo, "commit", "--quiet", "-m", "two");
    expect(await box.git(repo, "show", "--stat", "--format=", "HEAD")).toContain(".ballast/manifest.jsonl");
    expect(await box.git(repo, "status", "--short")).toBe("");
  });
});

it("says in status and track that a clone has no hooks, and what brings them", async () => {
  const repo = await emptyRepo();
  const before = await box.ballast(repo, "track", "*.bin");
  expect(before.status).toBe(0);
  expect(before.stderr).toContain("this clone has no hooks of Ballast: no push uploads assets, and they do not follow when Git moves; git ballast init s3://bucket/prefix");
  await box.mustBallast(repo, "init");
  expect((await box.ballast(repo, "status")).stderr).not.toContain("no hooks");
  await box.mustBallast(repo, "uninstall");
  const after = await box.ballast(repo, "status", "--json");
  expect(JSON.parse(after.stdout)).toMatchObject({ notes: [expect.stringMatching(/no hooks of Ballast.*git ballast install$/)] });
});

it("without hooks, where core.hooksPath names no directory, Git still sees edits, and commands say what is missing", async () => {
  const repo = await emptyRepo();
  await box.mustBallast(repo, "init", box.path("hookless-store"));
  await box.mustBallast(repo, "track", "*.bin");
  for (const content of ["one", "two"]) {
    await box.write(`${repo}/a.bin`, content);
    await box.git(repo, "-c", "core.hooksPath=/dev/null", "add", "--all");
    await box.git(repo, "-c", "core.hooksPath=/dev/null", "commit", "-q", "-m", content);
    await box.settled(repo);
  }
  await box.write(`${repo}/a.bin`, "three");
  await box.git(repo, "-c", "core.hooksPath=/dev/null", "commit", "-q", "-a", "-m", "three");
  expect(await box.git(repo, "show", "HEAD:.ballast/manifest.jsonl")).toContain(sha256("three"));
  await box.git(".", "init", "-q", "--bare", "hookless.git");
  await box.git(repo, "push", "-q", box.path("hookless.git"), "HEAD:main");
  const { status, stderr } = await box.ballast(".", "clone", "-q", "-b", "main", "-c", "core.hooksPath=/dev/null", "hookless.git", "hookless");
  expect(status).toBe(0);
  expect(stderr.match(/no hooks: core.hooksPath names \/dev\/null/g)).toHaveLength(1);
  expect((await box.read("hookless/a.bin")).toString()).toBe("three");
  await box.git(repo, "config", "core.hooksPath", "/dev/null");
  expect(await box.ballast(repo, "install")).toMatchObject({ status: 11, stderr: expect.stringMatching(/no hooks: core.hooksPath names \/dev\/null, which is no directory\n.*git config --unset core.hooksPath/) });
  await box.run(repo, "rm", ["a.bin"]);
  expect(await box.ballast(repo, "checkout", "--all")).toMatchObject({ status: 0, stderr: expect.stringContaining("no hooks: core.hooksPath names /dev/null") });
  expect((await box.read(`${repo}/a.bin`)).toString()).toBe("three");
});
