import { readlink, rm, symlink } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { assetsOf, expectClean, manifestOf } from "../support/assets.ts";
import { project, type Project } from "../support/project.ts";

/*
 * A name that is a file in one version and a directory in another: of assets both, or one of them Git's own.
 */

/** `main` has the file thing.bin, and `side` a directory of that name; `main` is checked out. */
async function twoShapes(): Promise<Project> {
  const p = await project();
  const { box, commit } = p;
  await commit({ "a.bin": "a" }, "base");
  await box.git("repo", "branch", "side");
  await commit({ "thing.bin": "file" }, "file");
  await box.git("repo", "switch", "-q", "side");
  await commit({ "thing.bin/one.bin": "1", "thing.bin/deep/two.bin": "2" }, "directory");
  await box.git("repo", "switch", "-q", "main");
  return p;
}

const FILE = { "a.bin": "a", "thing.bin": "file" };
const DIRECTORY = { "a.bin": "a", "thing.bin/deep/two.bin": "2", "thing.bin/one.bin": "1" };

describe("an asset in one commit, and a directory of assets in another", () => {
  it("make room for each other as Git moves between them, also with hooks left out", async () => {
    const { box } = await twoShapes();
    await expectClean(box, "repo", FILE);
    for (const [branch, contents] of [["side", DIRECTORY], ["main", FILE]] as const) {
      await box.git("repo", "switch", "-q", branch);
      await expectClean(box, "repo", contents);
    }
    for (const [branch, contents] of [["side", DIRECTORY], ["main", FILE]] as const) {
      box.env["BALLAST_SKIP"] = "1";
      await box.git("repo", "switch", "-q", branch);
      delete box.env["BALLAST_SKIP"];
      await box.mustBallast("repo", "checkout");
      await expectClean(box, "repo", contents);
      expect(await box.mustBallast("repo", "status")).toContain("every asset is as the manifest says");
    }
  });

  it("leave what is nobody's asset in place, say so once, and the file comes when that is gone", async () => {
    const { box } = await twoShapes();
    await box.git("repo", "switch", "-q", "side");
    await box.settled("repo");
    await symlink("../a.bin", box.path("repo/thing.bin/link"));
    const { stderr } = await box.tryGit("repo", "switch", "-q", "main");
    expect(stderr.match(/not restored: thing\.bin: something that is no regular file stands in its place/g)).toHaveLength(1);
    expect(await assetsOf(box, "repo")).toEqual({ "a.bin": "a" });
    expect(await readlink(box.path("repo/thing.bin/link"))).toBe("../a.bin");
    expect(await manifestOf(box, "repo")).toHaveProperty("thing.bin");
    await rm(box.path("repo/thing.bin"), { recursive: true });
    await box.mustBallast("repo", "checkout", "thing.bin");
    await expectClean(box, "repo", FILE);
  });

  it.each([
    { on: "main", merge: "side", paths: ["thing.bin/deep/two.bin", "thing.bin/one.bin"], ours: FILE, theirs: DIRECTORY, kept: ["file"] },
    { on: "side", merge: "main", paths: ["thing.bin"], ours: DIRECTORY, theirs: FILE, kept: ["1", "2"] },
  ])("are in conflict when both come by a merge into $on, and either can be had", async ({ on, merge, paths, ours, theirs }) => {
    const { box } = await twoShapes();
    await box.git("repo", "switch", "-q", on);
    for (const [side, contents] of [["--ours", ours], ["--theirs", theirs]] as const) {
      const { status, stderr } = await box.tryGit("repo", "merge", "-q", "--no-edit", merge);
      expect(status).toBe(1);
      expect(stderr).not.toMatch(/warning|bug/);
      for (const path of paths) expect(stderr).toContain(`${path}: they have it, and we have thing.bin`);
      expect(Object.entries(await assetsOf(box, "repo")).filter(([path]) => !path.includes("ballast-theirs"))).toEqual(Object.entries(ours));
      await box.mustBallast("repo", "resolve", "thing.bin", side);
      await box.git("repo", "commit", "-q", "--no-edit");
      await expectClean(box, "repo", contents);
      if (side === "--ours") await box.git("repo", "reset", "-q", "--hard", "HEAD~");
    }
    expect(await box.mustBallast("repo", "status")).toContain("Nothing to commit");
  });
});

describe("what the user puts in the place of the other", () => {
  it("is recorded as with any file: a directory of assets deletes the asset, and an asset those of the directory", async () => {
    const { box, commit } = await project();
    await commit({ "a.bin": "a", "thing.bin": "file" });
    await rm(box.path("repo/thing.bin"));
    await box.write("repo/thing.bin/one.bin", "1");
    expect(await box.git("repo", "status", "--porcelain")).toBe(" M .ballast/manifest.jsonl");
    const said = await box.mustBallast("repo", "status");
    expect(said).toMatch(/deleted +thing\.bin/);
    expect(said).toMatch(/new +thing\.bin\/one\.bin/);
    expect((await box.ballast("repo", "add", "thing.bin/one.bin")).stderr).toContain("the directory of thing.bin/one.bin stands in the place of an asset");
    await box.git("repo", "stash", "-q");
    await expectClean(box, "repo", { "a.bin": "a", "thing.bin": "file" });
    await box.git("repo", "stash", "pop", "-q");
    await box.git("repo", "commit", "-qam", "directory");
    await expectClean(box, "repo", { "a.bin": "a", "thing.bin/one.bin": "1" });
    await rm(box.path("repo/thing.bin"), { recursive: true });
    await box.write("repo/thing.bin", "file again");
    await box.git("repo", "commit", "-qam", "file");
    await expectClean(box, "repo", { "a.bin": "a", "thing.bin": "file again" });
  });

  it("waits where the asset was never here: what was not restored is not deleted", async () => {
    const { box, commit } = await project();
    await commit({ "a.bin": "a", "thing.bin": "file" });
    await box.git("repo", "push", "-q", "origin", "main");
    await box.git(".", "clone", "-q", "upstream.git", "clone");
    await box.mustBallast("clone", "checkout", "a.bin");
    await box.write("clone/thing.bin/one.bin", "1");
    await box.tryGit("clone", "commit", "-qam", "nothing");
    expect(await manifestOf(box, "clone")).toEqual(await manifestOf(box, "repo"));
    expect(await box.mustBallast("clone", "status")).toMatch(/blocked +thing\.bin\/one\.bin +its directory stands in the place of an asset/);
    expect((await box.ballast("clone", "checkout")).status).toBe(4);
    expect((await box.read("clone/thing.bin/one.bin")).toString()).toBe("1");
  });
});

describe("a directory of assets in one commit, and a file of Git's in another", () => {
  it("move along with Git, and a stash of an edit comes back as a conflict", async () => {
    const { box, commit } = await project();
    await commit({ "a.bin": "a", "art/b.bin": "b" });
    await box.git("repo", "switch", "-qc", "side");
    await rm(box.path("repo/art"), { recursive: true });
    await commit({ art: "text\n" });
    await box.git("repo", "switch", "-q", "main");
    await expectClean(box, "repo", { "a.bin": "a", "art/b.bin": "b" });
    await box.write("repo/art/b.bin", "edit");
    await box.git("repo", "stash", "-q");
    await box.git("repo", "switch", "-q", "side");
    await expectClean(box, "repo", { "a.bin": "a" });
    const { status, stderr } = await box.tryGit("repo", "stash", "pop");
    expect([status, stderr]).toEqual([1, expect.stringContaining("art/b.bin: removed by us, and edited by them")]);
    expect(stderr).not.toContain("bug");
    expect((await box.read("repo/art")).toString()).toBe("text\n");
    expect((await box.ballast("repo", "resolve", "art/b.bin", "--theirs")).stderr).toContain("art is not a directory");
    await box.git("repo", "reset", "-q", "--hard", "main");
    await expectClean(box, "repo", { "a.bin": "a", "art/b.bin": "b" });
    await box.git("repo", "stash", "pop", "-q");
    expect(await assetsOf(box, "repo")).toEqual({ "a.bin": "a", "art/b.bin": "edit" });
  });
});
