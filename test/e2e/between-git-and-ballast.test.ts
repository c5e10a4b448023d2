import { describe, expect, it } from "vitest";
import { sandbox, type Sandbox } from "../support/sandbox.ts";

/*
 * A file that is Git's own in one commit and an asset in another, as where a repository has begun with Ballast, or taken a file
 * out of it. Each commit's version is on disk, whichever way Git moves between them.
 */
const FILES = ["big.bin", "art/other.bin", "code.txt"];

/** `before` is from before Ballast, `main` has big.bin and art/other.bin as assets, and `after` has given big.bin back to Git. */
async function begun(): Promise<{ box: Sandbox; git(...args: string[]): Promise<string>; expectAt(contents: string[]): Promise<void> }> {
  const box = await sandbox();
  const git = async (...args: string[]): Promise<string> => {
    const out = await box.git("repo", ...args);
    await box.settled("repo");
    return out;
  };
  await box.git(".", "init", "-q", "repo");
  for (const path of FILES) await box.write(`repo/${path}`, `${path} of before`);
  await git("add", "-A");
  await git("commit", "-qm", "before");
  await git("branch", "before");
  await box.mustBallast("repo", "init", box.path("store"));
  await box.mustBallast("repo", "track", "*.bin");
  await git("add", "-A");
  await git("commit", "-qm", "the same with Ballast");
  await git("branch", "same");
  for (const path of FILES) await box.write(`repo/${path}`, `${path} of main`);
  await git("commit", "-qam", "main");
  await git("switch", "-qc", "after");
  await box.mustBallast("repo", "remove", "big.bin");
  await git("add", "-A");
  await git("commit", "-qm", "after");
  await git("switch", "-q", "main");
  const expectAt = async (contents: string[]): Promise<void> => {
    expect(await git("status", "--porcelain")).toBe("");
    for (const [i, path] of FILES.entries()) expect((await box.read(`repo/${path}`)).toString()).toBe(`${path} of ${contents[i]}`);
  };
  return { box, git, expectAt };
}

describe("a file that is Git's in one commit and an asset in another", () => {
  it("is there in each, with the content of each, and nothing is asked", async () => {
    const { box, git, expectAt } = await begun();
    const at = { before: "before", same: "before", main: "main", after: "main" };
    for (const branch of ["before", "main", "same", "before", "same", "after", "before", "after", "main", "before"] as const) {
      const { stderr } = await box.tryGit("repo", "switch", "-q", branch);
      expect(stderr).not.toMatch(/warning|removed|resolve/);
      await expectAt([at[branch], at[branch], at[branch]]);
    }
    await git("reset", "-q", "--hard", "main");
    await expectAt(["main", "main", "main"]);
    await git("reset", "-q", "--hard", "same~");
    await expectAt(["before", "before", "before"]);
  });

  it("follows a revert, a merge, a rebase and a checkout without hooks", async () => {
    const { box, git, expectAt } = await begun();
    await git("merge", "-q", "--no-edit", "after");
    await expectAt(["main", "main", "main"]);
    await git("revert", "--no-edit", "HEAD");
    await expectAt(["main", "main", "main"]);
    await git("revert", "--no-edit", "HEAD");
    await expectAt(["main", "main", "main"]);
    await git("switch", "-qc", "work", "same");
    await box.write("repo/more.bin", "more");
    await git("add", "-A");
    await git("commit", "-qm", "more");
    await git("rebase", "-q", "after");
    await expectAt(["main", "main", "main"]);
    expect((await box.read("repo/more.bin")).toString()).toBe("more");
    for (const commit of ["main~1", "main"]) {
      box.env["BALLAST_SKIP"] = "1";
      await git("switch", "-q", "--detach", commit);
      delete box.env["BALLAST_SKIP"];
      await box.mustBallast("repo", "checkout");
      await expectAt(["main", "main", "main"]);
    }
  });

  it("keeps what was edited as Git's, and its edit is Git's to refuse or discard", async () => {
    const { box, git, expectAt } = await begun();
    await git("switch", "-q", "before");
    await box.write("repo/big.bin", "edit");
    expect(await git("status", "--porcelain")).toBe(" M big.bin");
    expect((await box.tryGit("repo", "switch", "main")).status).not.toBe(0);
    await git("stash", "-q");
    await git("switch", "-q", "main");
    await expectAt(["main", "main", "main"]);
    await git("switch", "-q", "before");
    await git("stash", "pop", "-q");
    expect((await box.read("repo/big.bin")).toString()).toBe("edit");
    await git("checkout", "-q", "--", "big.bin");
    await expectAt(["before", "before", "before"]);
  });
});

describe("a branch that has nothing of Ballast, in a clone whose other branches do", () => {
  it("pushes what those need, can begin with the same store, and tracks nothing before that", async () => {
    const { box, git } = await begun();
    await git("init", "-q", "--bare", box.path("upstream.git"));
    await git("remote", "add", "origin", box.path("upstream.git"));
    await git("switch", "-q", "before");
    await git("push", "-q", "origin", "main", "before");
    expect((await box.objects("store")).length).toBeGreaterThan(0);
    expect((await box.ballast("repo", "fsck")).stdout).toContain("nothing is wrong");
    await git("switch", "-q", "--orphan", "pages");
    const refused = await box.ballast("repo", "track", "*.bin");
    expect([refused.status, refused.stderr]).toEqual([3, expect.stringContaining("git ballast init")]);
    expect(await box.exists("repo/.gitignore")).toBe(false);
    expect((await box.ballast("repo", "init", box.path("another"))).stderr).toContain("git ballast store set");
    await box.mustBallast("repo", "init");
    expect((await box.read("repo/.ballast/config")).toString()).toContain(`url = file://${box.path("store")}`);
    await box.mustBallast("repo", "track", "*.bin");
    await box.write("repo/page.bin", "page");
    await git("add", "-A");
    await git("commit", "-qm", "pages");
    await git("push", "-q", "origin", "pages");
    await git("switch", "-q", "main");
    expect((await box.read("repo/big.bin")).toString()).toBe("big.bin of main");
    await box.mustBallast("repo", "fetch", "--all");
  });
});
