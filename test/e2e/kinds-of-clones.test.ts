import { readFile } from "node:fs/promises";
import { beforeAll, describe, expect, it } from "vitest";
import { assetsOf, expectClean, type Contents } from "../support/assets.ts";
import { project, type Project } from "../support/project.ts";
import type { Sandbox } from "../support/sandbox.ts";

/*
 * Clones that have less than everything, or have it elsewhere: shallow, partial, single-branch, with alternates, without
 * a checkout, bare. Work begun in one of them ends in the upstream like any other.
 */
const VERSIONS = 6;
const LAST: Contents = { "a.bin": `a${VERSIONS}`, "art/b.bin": "b" };

let made: Project;
let box: Sandbox;
let url: string;
beforeAll(async () => {
  made = await project();
  box = made.box;
  url = `file://${box.path("upstream.git")}`;
  await box.git("upstream.git", "config", "uploadpack.allowFilter", "true");
  for (let version = 1; version <= VERSIONS; version++) await made.commit({ "a.bin": `a${version}`, "art/b.bin": "b" });
  await box.git("repo", "branch", "topic", "HEAD~3");
  await box.git("repo", "push", "-q", "-u", "origin", "main", "topic");
});

const KINDS: [kind: string, options: string[]][] = [
  ["shallow", ["--depth", "1"]],
  ["partial", ["--filter=blob:none"]],
  ["treeless", ["--filter=tree:0"]],
  ["single-branch", ["--single-branch", "--branch", "main"]],
  ["borrowing", ["--reference", "repo"]],
];

describe.each(KINDS)("a %s clone", (kind, options) => {
  it("restores its assets, records edits, switches, and pushes what others then have", async () => {
    await box.git(".", "clone", "-q", ...options, url, kind);
    expect(await box.git(kind, "status", "--porcelain")).toBe("");
    await box.mustBallast(kind, "checkout");
    expect(await assetsOf(box, kind)).toEqual(LAST);
    await box.write(`${kind}/a.bin`, `edited in ${kind}`);
    await box.write(`${kind}/new.bin`, `new in ${kind}`);
    await box.git(kind, "add", "--all");
    await box.git(kind, "commit", "-q", "-m", kind);
    await box.git(kind, "push", "-q", "origin", `HEAD:refs/heads/from-${kind}`);
    await box.git(kind, "reset", "-q", "--hard", "origin/main");
    await expectClean(box, kind, LAST);
    await box.git("repo", "fetch", "-q");
    await box.git("repo", "switch", "-q", "--detach", `origin/from-${kind}`);
    expect(await assetsOf(box, "repo")).toEqual({ ...LAST, "a.bin": `edited in ${kind}`, "new.bin": `new in ${kind}` });
  });
});

it("a shallow clone that was deepened knows all versions; until then, nothing of them is cleaned up from it", async () => {
  const versions = async (): Promise<number> => (JSON.parse(await box.mustBallast("shallow", "log", "--json", "--revision", "origin/main", "a.bin")) as unknown[]).length;
  expect(await versions()).toBe(1);
  const refused = await box.ballast("shallow", "cleanup", "--dry-run");
  expect([refused.status, refused.stderr]).toEqual([3, expect.stringContaining("this clone is shallow")]);
  expect((await box.ballast("partial", "cleanup", "--dry-run")).stderr).toContain("this is a partial clone");
  await box.git("shallow", "fetch", "-q", "--unshallow");
  expect(await versions()).toBe(VERSIONS);
  await box.mustBallast("shallow", "cleanup", "--dry-run");
  await box.git("shallow", "checkout", "-q", "origin/main~5");
  await expectClean(box, "shallow", { ...LAST, "a.bin": `a${VERSIONS - 5}` });
});

it("a partial clone gets the manifests of a walk through history by one connection, not one by one", async () => {
  await box.git(".", "clone", "-q", "--filter=blob:none", url, "walker");
  await box.mustBallast("walker", "checkout");
  await box.write("walker/a.bin", "walked");
  await box.git("walker", "commit", "-q", "-a", "-m", "walked");
  const fetches = async (args: readonly string[]): Promise<number> => {
    box.env["GIT_TRACE"] = box.path("trace");
    await box.git("walker", ...args);
    delete box.env["GIT_TRACE"];
    const traced = await readFile(box.path("trace"), "utf8");
    await box.run(".", "rm", ["trace"]);
    return traced.split("\n").filter((line) => /built-in: git (?:-c \S+ )*fetch /.test(line)).length;
  };
  // A new branch asks the store for all assets of its history.
  expect(await fetches(["push", "-q", "origin", "HEAD:refs/heads/walked"])).toBe(1);
  expect(await fetches(["ballast", "log", "a.bin"])).toBe(0);
});

it("a clone without a checkout has no assets until Git has checked something out", async () => {
  await box.git(".", "clone", "-q", "--no-checkout", url, "empty");
  const early = await box.ballast("empty", "checkout");
  expect(early.status).not.toBe(0);
  expect(early.stderr).toContain(".ballast/manifest.jsonl is missing");
  await box.git("empty", "switch", "-q", "topic");
  expect(await assetsOf(box, "empty")).toEqual({});
  expect(await box.git("empty", "status", "--porcelain")).toBe("");
  await box.mustBallast("empty", "checkout");
  await expectClean(box, "empty", { ...LAST, "a.bin": `a${VERSIONS - 3}` });
});

describe("a bare clone", () => {
  it.each(["--bare", "--mirror"])("(%s) has no place for assets, and every command says so in one line and a hint", async (option) => {
    await box.mustBallast(".", "clone", "-q", option, url, `copy${option}.git`);
    for (const command of [["status"], ["checkout"], ["fsck"], ["push"], ["init"], ["prune"]]) {
      const { status, stderr } = await box.ballast(`copy${option}.git`, ...command);
      expect(status).toBe(3);
      expect(stderr).toMatch(/^ballast: no worktree here: .*\n +→ .*\n$/);
    }
  });

  it("with worktrees beside it works: they share its store and its hooks", async () => {
    await box.git(".", "clone", "-q", "--bare", url, "hub/.bare");
    await box.write("hub/.git", "gitdir: ./.bare\n");
    await box.git("hub", "worktree", "add", "-q", "main", "main");
    await box.mustBallast("hub/main", "checkout");
    await expectClean(box, "hub/main", LAST);
    await box.git("hub", "worktree", "add", "-q", "topic", "topic");
    await expectClean(box, "hub/topic", { ...LAST, "a.bin": `a${VERSIONS - 3}` });
    await box.write("hub/topic/a.bin", "from the hub");
    await box.git("hub/topic", "commit", "-q", "-a", "-m", "hub");
    await box.git("hub/main", "push", "-q", "origin", "topic:refs/heads/hub");
    expect((await box.tryGit("hub/main", "merge", "-q", "--no-edit", "topic")).status).toBe(1);
    await box.mustBallast("hub/main", "resolve", "--theirs", "a.bin");
    await box.git("hub/main", "commit", "-q", "--no-edit");
    await expectClean(box, "hub/main", { ...LAST, "a.bin": "from the hub" });
  });
});
