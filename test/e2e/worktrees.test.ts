import { rename } from "node:fs/promises";
import { beforeAll, describe, expect, it } from "vitest";
import type { Status } from "../../src/commands/status.ts";
import { assetsOf, expectClean, type Contents } from "../support/assets.ts";
import { project, type Project } from "../support/project.ts";
import type { Sandbox } from "../support/sandbox.ts";

/*
 * Several worktrees of one repository: each has its own manifest file, index and stamp, and all share the local store,
 * the hooks and the drivers.
 */
const MODIFIED = " M .ballast/manifest.jsonl";
const START: Contents = { "a.bin": "a1", "art/b.bin": "b1" };

let made: Project;
let box: Sandbox;
beforeAll(async () => {
  made = await project();
  box = made.box;
  await made.commit(START);
  await box.git("repo", "push", "-q", "-u", "origin", "main");
});

let count = 0;
/** A linked worktree on a new branch of `from`, beside `repo`. */
async function linked(from = "main", ...options: string[]): Promise<string> {
  const name = `linked${count++}`;
  await box.git("repo", "worktree", "add", "-q", "-b", name, ...options, `../${name}`, from);
  return name;
}

describe("git worktree add", () => {
  it("restores the assets of its commit at once, without a word to Ballast and without a second copy in the local store", async () => {
    const before = await box.objects("repo/.git/ballast");
    const tree = await linked();
    await expectClean(box, tree, START);
    expect(await box.objects("repo/.git/ballast")).toEqual(before);
    expect(await box.exists(`repo/.git/worktrees/${tree}/ballast/index`)).toBe(true);
    expect(await box.exists(`repo/.git/worktrees/${tree}/ballast/objects`)).toBe(false);
  });

  it("of a detached commit, locked, or in a subdirectory of the main worktree does as well", async () => {
    await box.git("repo", "worktree", "add", "-q", "--detach", "--lock", "../detached", "main");
    await expectClean(box, "detached", START);
    await box.git("repo", "worktree", "add", "-q", "--detach", "inside/tree", "main");
    await expectClean(box, "repo/inside/tree", START);
    // The assets of the worktree inside are not new assets of the one around it.
    expect((JSON.parse(await box.mustBallast("repo", "status", "--json")) as Status).entries).toEqual([]);
    await box.git("repo", "worktree", "remove", "inside/tree");
  });

  it("with --no-checkout restores nothing and records no deletion; a checkout then brings everything", async () => {
    const tree = await linked("main", "--no-checkout");
    expect(await assetsOf(box, tree)).toEqual({});
    await box.git(tree, "checkout", "-q", "HEAD", "--", ".");
    await box.mustBallast(tree, "checkout");
    await expectClean(box, tree, START);
  });
});

describe("two worktrees", () => {
  it("see their own edits only, and commit and push them from where they are", async () => {
    const [one, two] = [await linked(), await linked()];
    await box.write(`${one}/a.bin`, "one's a");
    expect(await box.git(one, "status", "--porcelain")).toBe(MODIFIED);
    expect(await box.git(two, "status", "--porcelain")).toBe("");
    await box.write(`${two}/art/new.bin`, "two's new");
    await box.git(two, "add", "--all");
    await box.git(one, "commit", "-q", "-a", "-m", "one");
    await expectClean(box, one, { ...START, "a.bin": "one's a" });
    expect(await box.git(two, "status", "--porcelain")).toBe("M  .ballast/manifest.jsonl");
    await box.git(two, "commit", "-q", "-m", "two");
    await expectClean(box, two, { ...START, "art/new.bin": "two's new" });
    expect(await assetsOf(box, "repo")).toEqual(START);
    await box.git(one, "push", "-q", "origin", one);
    await box.git("repo", "push", "-q", "origin", two);
    for (const [branch, contents] of [[one, { ...START, "a.bin": "one's a" }], [two, { ...START, "art/new.bin": "two's new" }]] as const) {
      await box.mustBallast(".", "clone", "-q", "--branch", branch, "upstream.git", `clone of ${branch}`);
      expect(await assetsOf(box, `clone of ${branch}`)).toEqual(contents);
    }
  });

  it("merge each other's branches, and reset, stash and rebase by themselves", async () => {
    const [one, two] = [await linked(), await linked()];
    await box.write(`${one}/a.bin`, "a2");
    await box.git(one, "commit", "-q", "-a", "-m", "a2");
    await box.write(`${two}/art/b.bin`, "b2");
    await box.git(two, "commit", "-q", "-a", "-m", "b2");
    await box.git(two, "rebase", "-q", one);
    await expectClean(box, two, { "a.bin": "a2", "art/b.bin": "b2" });
    await box.git(one, "merge", "-q", "--ff-only", two);
    await expectClean(box, one, { "a.bin": "a2", "art/b.bin": "b2" });
    await box.write(`${one}/a.bin`, "stashed in one");
    await box.git(one, "stash", "-q");
    await expectClean(box, one, { "a.bin": "a2", "art/b.bin": "b2" });
    // Stashes are shared: what one worktree put away, another takes up.
    await box.git(two, "stash", "pop", "-q");
    expect(await assetsOf(box, two)).toEqual({ "a.bin": "stashed in one", "art/b.bin": "b2" });
    const { stderr } = await box.tryGit(two, "reset", "-q", "--hard", "HEAD~1");
    expect(stderr).toContain("git ballast show");
    await expectClean(box, two, { ...START, "a.bin": "a2" });
  });

  it("conflict in one is none in the other", async () => {
    const [one, two] = [await linked(), await linked()];
    for (const tree of [one, two]) {
      await box.write(`${tree}/a.bin`, `by ${tree}`);
      await box.git(tree, "commit", "-q", "-a", "-m", tree);
    }
    expect((await box.tryGit(one, "merge", "--no-edit", two)).status).toBe(1);
    expect(await assetsOf(box, one)).toEqual({ ...START, "a.bin": `by ${one}`, "a.ballast-theirs.bin": `by ${two}` });
    await expectClean(box, two, { ...START, "a.bin": `by ${two}` });
    await box.write(`${two}/a.bin`, "goes on");
    await box.git(two, "commit", "-q", "-a", "-m", "goes on");
    await box.mustBallast(one, "resolve", "a.bin", "--theirs");
    await box.git(one, "commit", "-q", "--no-edit");
    await expectClean(box, one, { ...START, "a.bin": `by ${two}` });
  });
});

describe("a worktree that goes", () => {
  it("leaves what it committed in the local store, from where it is pushed", async () => {
    const tree = await linked();
    await box.write(`${tree}/a.bin`, "only here and nowhere else");
    await box.git(tree, "commit", "-q", "-a", "-m", "unpushed");
    await box.git("repo", "worktree", "remove", tree);
    expect(await box.exists(tree)).toBe(false);
    await box.git("repo", "push", "-q", "origin", tree);
    await box.git("repo", "switch", "-q", tree);
    await expectClean(box, "repo", { ...START, "a.bin": "only here and nowhere else" });
    await box.git("repo", "switch", "-q", "main");
    await expectClean(box, "repo", START);
  });

  it("is not removed by Git with an edited asset, unless with force", async () => {
    const tree = await linked();
    await box.write(`${tree}/a.bin`, "edited");
    const refused = await box.tryGit("repo", "worktree", "remove", tree);
    expect(refused.status).not.toBe(0);
    expect(refused.stderr).toContain("modified");
    expect(await assetsOf(box, tree)).toEqual({ ...START, "a.bin": "edited" });
    await box.git("repo", "worktree", "remove", "--force", tree);
  });

  it("moved by Git or by hand, works on after it was told where it is; deleted by hand, disturbs nobody", async () => {
    const tree = await linked();
    await box.git("repo", "worktree", "move", tree, "../moved");
    await expectClean(box, "moved", START);
    await rename(box.path("moved"), box.path("moved by hand"));
    await box.git("moved by hand", "worktree", "repair");
    await expectClean(box, "moved by hand", START);
    await box.run(".", "rm", ["-rf", "moved by hand"]);
    await expectClean(box, "repo", START);
    await box.mustBallast("repo", "prune");
    await box.git("repo", "worktree", "prune");
    await expectClean(box, "repo", START);
  });
});

it("prune keeps what is only staged, or only committed, in another worktree", async () => {
  const tree = await linked();
  await box.write(`${tree}/a.bin`, "committed on a detached head");
  await box.git(tree, "switch", "-q", "--detach");
  await box.git(tree, "commit", "-q", "-a", "-m", "detached");
  const commit = await box.git(tree, "rev-parse", "HEAD");
  await box.write(`${tree}/art/b.bin`, "staged");
  await box.git(tree, "add", "--all");
  await box.git("repo", "config", "ballast.cache.limit", "1");
  await box.mustBallast("repo", "prune");
  await box.git("repo", "config", "--unset", "ballast.cache.limit");
  await box.git(tree, "commit", "-q", "-m", "staged");
  // A push by id of a commit that no branch has.
  await box.git(tree, "push", "-q", "origin", "HEAD:refs/heads/detached");
  await box.git("repo", "worktree", "remove", tree);
  await box.git("repo", "checkout", "-q", "--detach", commit);
  await expectClean(box, "repo", { ...START, "a.bin": "committed on a detached head" });
  await box.git("repo", "checkout", "-q", "origin/detached");
  await expectClean(box, "repo", { "a.bin": "committed on a detached head", "art/b.bin": "staged" });
  await box.git("repo", "switch", "-q", "main");
});
