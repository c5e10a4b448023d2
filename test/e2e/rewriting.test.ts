import { cp } from "node:fs/promises";
import { beforeAll, describe, expect, it } from "vitest";
import { assetsOf, expectClean, manifestOf, type Contents } from "../support/assets.ts";
import { project } from "../support/project.ts";
import { sha256, type Sandbox } from "../support/sandbox.ts";

/*
 * Commands that walk through history, rewrite it, or carry it elsewhere: what is on disk follows each of them, what
 * comes out has the assets of what went in, and what was stopped or refused leaves no trace.
 */
const STEPS: Contents[] = [
  { "a.bin": "a1", "b.bin": "b1" },
  { "a.bin": "a2", "b.bin": "b1" },
  { "a.bin": "a2", "b.bin": "b1", "c.bin": "c1" },
  { "a.bin": "a4", "c.bin": "c1" },
  { "a.bin": "a5", "c.bin": "c1" },
];
const LAST = STEPS[4]!;
const MODIFIED = " M .ballast/manifest.jsonl";

let box: Sandbox;
let count = 0;
beforeAll(async () => {
  const made = await project();
  box = made.box;
  for (const [i, contents] of STEPS.entries()) {
    for (const gone of ["a.bin", "b.bin", "c.bin"]) if (!(gone in contents)) await box.run("repo", "rm", ["-f", gone]);
    await made.commit({ ...contents, "code.txt": `${i}\n` }, `${i + 1}`);
  }
  await box.git("repo", "branch", "first", "HEAD~4");
});

/** A copy of the repository with the commits 1 to 5, the fifth checked out. */
async function fresh(): Promise<string> {
  const name = `repo${count++}`;
  await cp(box.path("repo"), box.path(name), { recursive: true, preserveTimestamps: true });
  // Git and Ballast note anew which files these are.
  await box.mustBallast(name, "status", "--json");
  await box.git(name, "reset", "-q", "--hard");
  return name;
}

const subjects = async (repo: string): Promise<string> => (await box.git(repo, "log", "--format=%s")).replaceAll("\n", " ");

describe("git bisect", () => {
  it("has the assets of each commit on disk, for the user and for a program, and comes back", async () => {
    const repo = await fresh();
    await box.git(repo, "bisect", "start", "HEAD", "HEAD~4");
    await expectClean(box, repo, STEPS[2]!);
    await box.git(repo, "bisect", "good");
    await expectClean(box, repo, STEPS[3]!);
    await box.git(repo, "bisect", "reset");
    await expectClean(box, repo, LAST);
    await box.git(repo, "bisect", "start", "HEAD", "HEAD~4");
    const { stdout } = await box.tryGit(repo, "bisect", "run", "sh", "-c", 'test "$(cat a.bin)" != a4 && test "$(cat a.bin)" != a5');
    expect(stdout).toContain(`${await box.git(repo, "rev-parse", "main~1")} is the first bad commit`);
    await box.git(repo, "bisect", "reset");
    await box.write(`${repo}/a.bin`, "edited");
    expect((await box.tryGit(repo, "bisect", "start", "HEAD", "HEAD~4")).status).not.toBe(0);
    expect(await assetsOf(box, repo)).toEqual({ ...LAST, "a.bin": "edited" });
  });
});

describe("git format-patch and git am", () => {
  it("carry changes of assets to another branch, and ask where they do not fit", async () => {
    const repo = await fresh();
    await box.git(repo, "format-patch", "-q", "-o", "../patches", "HEAD~3");
    const patches = (await box.run("patches", "ls", [])).stdout.split("\n").filter(Boolean).map((name) => `../patches/${name}`);
    await box.git(repo, "switch", "-q", "-c", "fits", "HEAD~3");
    await box.git(repo, "am", "-q", ...patches);
    await expectClean(box, repo, LAST);
    await box.git(repo, "switch", "-q", "-c", "other", "HEAD~4");
    await box.write(`${repo}/c.bin`, "another c");
    await box.git(repo, "add", "--all");
    await box.git(repo, "commit", "-q", "-m", "c");
    expect((await box.tryGit(repo, "am", "-q", "-3", ...patches)).stderr).toContain("both sides changed c.bin");
    expect(await assetsOf(box, repo)).toEqual({ ...STEPS[1], "a.bin": "a1", "c.bin": "another c", "c.ballast-theirs.bin": "c1" });
    await box.git(repo, "am", "--abort");
    await expectClean(box, repo, { ...STEPS[0], "c.bin": "another c" });
  });
});

describe("git rebase", () => {
  const sequence = async (editor: string, ...args: string[]): Promise<number> => {
    box.env["GIT_SEQUENCE_EDITOR"] = editor;
    const { status } = await box.tryGit(...(args as [string, ...string[]]));
    delete box.env["GIT_SEQUENCE_EDITOR"];
    return status;
  };

  it("--interactive that is aborted at a stop brings everything back, and tells how to get an edit made there", async () => {
    const repo = await fresh();
    expect(await sequence("sed -i 1s/pick/edit/", repo, "rebase", "-q", "-i", "HEAD~3")).toBe(0);
    await expectClean(box, repo, STEPS[2]!);
    await box.write(`${repo}/a.bin`, "made at the stop");
    expect(await box.git(repo, "status", "--porcelain")).toBe(MODIFIED);
    const { stderr } = await box.tryGit(repo, "rebase", "--abort");
    expect(stderr).toContain(`git ballast show ${sha256("made at the stop")} > a.bin`);
    await expectClean(box, repo, LAST);
    expect(await box.mustBallast(repo, "show", sha256("made at the stop"))).toBe("made at the stop");
  });

  it("--exec runs on each commit's assets, stops where it fails, and goes on with what was mended there", async () => {
    const repo = await fresh();
    await box.git(repo, "rebase", "-q", "--exec", "cat a.bin >> ../seen", "HEAD~3");
    expect((await box.read("seen")).toString()).toBe("a2a4a5");
    await expectClean(box, repo, LAST);
    expect((await box.tryGit(repo, "rebase", "-q", "--exec", 'test "$(cat a.bin)" != a4', "HEAD~3")).status).not.toBe(0);
    await expectClean(box, repo, STEPS[3]!);
    await box.write(`${repo}/c.bin`, "mended");
    await box.git(repo, "commit", "-q", "-a", "-m", "mended");
    await box.git(repo, "rebase", "--continue");
    await expectClean(box, repo, { ...LAST, "c.bin": "mended" });
    expect(await subjects(repo)).toBe("5 mended 4 3 2 1");
  });

  it("that drops, squashes and reorders commits ends with what these give", async () => {
    const repo = await fresh();
    // 3 (c1), 4 (a4, without b), 5 (a5): 4 and 5 in one, before 3.
    expect(await sequence("sed -i -e 3s/pick/squash/ -e 1h -e 1d -e 3G", repo, "rebase", "-q", "-i", "HEAD~3")).toBe(1);
    await box.git(repo, "rebase", "--abort");
    await expectClean(box, repo, LAST);
    expect(await sequence("sed -i -e 3s/pick/fixup/", repo, "rebase", "-q", "-i", "HEAD~3")).toBe(0);
    await expectClean(box, repo, LAST);
    expect(await subjects(repo)).toBe("4 3 2 1");
    expect(await manifestOf(box, repo, "HEAD~1")).toEqual({ "a.bin": sha256("a2"), "b.bin": sha256("b1"), "c.bin": sha256("c1") });
  });
});

describe("an operation that is aborted or refused", () => {
  /** A branch on which a.bin is another one, from the third commit. */
  async function diverged(): Promise<string> {
    const repo = await fresh();
    await box.git(repo, "switch", "-q", "-c", "other", "HEAD~2");
    await box.write(`${repo}/a.bin`, "another a");
    await box.git(repo, "commit", "-q", "-a", "-m", "another");
    return repo;
  }
  const OTHER: Contents = { ...STEPS[2], "a.bin": "another a" };

  it.each([
    ["merge", ["merge", "--no-edit", "main"]],
    ["cherry-pick", ["cherry-pick", "main"]],
    ["cherry-pick", ["cherry-pick", "main~1", "main"]],
    ["revert", ["revert", "--no-edit", "main"]],
    ["rebase", ["rebase", "-q", "main"]],
  ])("%s --abort leaves the assets as they were: git %j", async (name, args) => {
    const repo = await diverged();
    expect((await box.tryGit(repo, ...args)).status).not.toBe(0);
    expect(await box.git(repo, "status", "--porcelain")).toContain("UU .ballast/manifest.jsonl");
    await box.git(repo, name, "--abort");
    await expectClean(box, repo, OTHER);
    await box.write(`${repo}/c.bin`, "goes on");
    await box.git(repo, "commit", "-q", "-a", "-m", "goes on");
    await expectClean(box, repo, { ...OTHER, "c.bin": "goes on" });
  });

  it.each([["merge", ["merge", "--no-edit", "main"]], ["cherry-pick -n", ["cherry-pick", "-n", "main~1"]], ["cherry-pick", ["cherry-pick", "main~1"]]])(
    "%s that Git refuses for an edit leaves the edit, and no conflict that would hold up the next commit",
    async (_name, args) => {
      const repo = await diverged();
      await box.write(`${repo}/c.bin`, "edited");
      expect((await box.tryGit(repo, ...args)).status).not.toBe(0);
      expect(await assetsOf(box, repo)).toEqual({ ...OTHER, "c.bin": "edited" });
      expect(await box.git(repo, "status", "--porcelain")).toBe(MODIFIED);
      await box.git(repo, "commit", "-q", "-a", "-m", "edited");
      await expectClean(box, repo, { ...OTHER, "c.bin": "edited" });
    },
  );
});

describe("git revert of a merge", () => {
  it("takes back what the merge brought, and its own revert brings it again", async () => {
    const repo = await fresh();
    await box.git(repo, "switch", "-q", "-c", "other", "HEAD~1");
    await box.write(`${repo}/c.bin`, "c2");
    await box.git(repo, "commit", "-q", "-a", "-m", "c2");
    await box.git(repo, "switch", "-q", "main");
    await box.git(repo, "merge", "-q", "--no-edit", "other");
    await expectClean(box, repo, { ...LAST, "c.bin": "c2" });
    await box.git(repo, "revert", "--no-edit", "-m", "1", "HEAD");
    await expectClean(box, repo, LAST);
    await box.git(repo, "revert", "--no-edit", "HEAD");
    await expectClean(box, repo, { ...LAST, "c.bin": "c2" });
  });
});

describe("git filter-branch", () => {
  const filter = async (repo: string, ...args: string[]): Promise<void> => {
    box.env["FILTER_BRANCH_SQUELCH_WARNING"] = "1";
    await box.git(repo, "filter-branch", "-f", ...args, "HEAD~3..HEAD");
    delete box.env["FILTER_BRANCH_SQUELCH_WARNING"];
  };

  it.each([
    ["--tree-filter", "rm -f code.txt"],
    ["--index-filter", "git rm -q --cached code.txt"],
    ["--msg-filter", "cat; echo rewritten"],
  ])("%s leaves the manifest of every commit and the worktree's assets alone", async (option, command) => {
    const repo = await fresh();
    await filter(repo, option, command);
    await expectClean(box, repo, LAST);
    for (const [i, contents] of STEPS.entries()) {
      expect(await manifestOf(box, repo, `HEAD~${4 - i}`)).toEqual(Object.fromEntries(Object.entries(contents).map(([path, content]) => [path, sha256(content)])));
    }
    await box.git(repo, "switch", "-q", "--detach", "HEAD~2");
    await expectClean(box, repo, STEPS[2]!);
  });
});

describe("another worktree for one command (GIT_WORK_TREE)", () => {
  it("is neither recorded nor restored into, and Ballast's commands refuse it", async () => {
    const repo = await fresh();
    await box.run(".", "mkdir", ["-p", "www"]);
    await box.git(repo, "--work-tree=../www", "checkout", "-q", "-f", "HEAD~2", "--", ".");
    expect((await box.read("www/code.txt")).toString()).toBe("2\n");
    expect(await assetsOf(box, repo)).toEqual(LAST);
    await box.git(repo, "--work-tree=../www", "add", "--all");
    expect(await manifestOf(box, repo, ":")).toEqual(Object.fromEntries(Object.entries(STEPS[2]!).map(([path, content]) => [path, sha256(content)])));
    const refused = await box.tryGit(repo, "--work-tree=../www", "ballast", "status");
    expect([refused.status, refused.stderr]).toEqual([2, expect.stringContaining("is not the worktree of")]);
    await box.git(repo, "reset", "-q", "--hard");
    await expectClean(box, repo, LAST);
  });
});

it("git replace does not hide from a push what is pushed", async () => {
  const repo = await fresh();
  await box.git(".", "init", "-q", "--bare", "replaced.git");
  const before = await box.objects("store");
  expect(before).toEqual([]);
  await box.git(repo, "replace", "HEAD~1", "HEAD~4");
  await box.git(repo, "push", "-q", box.path("replaced.git"), "main");
  await box.git(".", "clone", "-q", "replaced.git", "clone of replaced");
  await box.mustBallast("clone of replaced", "checkout");
  for (const [i, contents] of STEPS.entries()) {
    await box.git("clone of replaced", "checkout", "-q", `origin/main~${4 - i}`);
    await expectClean(box, "clone of replaced", contents);
  }
});
