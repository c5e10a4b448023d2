import { mkdir, symlink } from "node:fs/promises";
import { beforeAll, describe, expect, it } from "vitest";
import { assetsOf, expectClean, manifestOf, type Contents } from "../support/assets.ts";
import { project, type Project } from "../support/project.ts";
import { sha256, type Sandbox } from "../support/sandbox.ts";

/*
 * A repository within another one: as a submodule, and as a directory that happens to hold a repository. Each has its
 * own manifest, stores and hooks, and neither takes the other's assets for its own.
 */
const PART: Contents = { "a.bin": "a1", "art/b.bin": "b1" };
const MODIFIED = " M .ballast/manifest.jsonl";

let part: Project;
let box: Sandbox;
beforeAll(async () => {
  part = await project();
  box = part.box;
  await part.commit(PART);
  await box.git("repo", "push", "-q", "-u", "origin", "main", "main:start");
  // The one around it, with assets of its own.
  await box.git(".", "init", "-q", "--bare", "whole.git");
  await box.git(".", "init", "-q", "whole");
  await box.git("whole", "remote", "add", "origin", box.path("whole.git"));
  await box.mustBallast("whole", "init", `file://${box.path("whole.store")}`);
  await box.mustBallast("whole", "track", "*.bin");
  await box.write("whole/own.bin", "own1");
  await box.git("whole", "submodule", "--quiet", "add", box.path("upstream.git"), "lib/part");
  await box.git("whole", "add", "--all");
  await box.git("whole", "commit", "-q", "-m", "whole");
  await box.git("whole", "push", "-q", "-u", "origin", "main");
});

describe("a submodule", () => {
  it("is a clone without assets until one command restores them, and the one around it records none of them", async () => {
    await box.git(".", "clone", "-q", "--recurse-submodules", "whole.git", "clone");
    expect(await assetsOf(box, "clone")).toEqual({});
    expect(await assetsOf(box, "clone/lib/part")).toEqual({});
    expect(await box.git("clone/lib/part", "status", "--porcelain")).toBe("");
    await box.mustBallast("clone", "checkout");
    await expectClean(box, "clone", { "own.bin": "own1" });
    await box.mustBallast("clone/lib/part", "checkout");
    await expectClean(box, "clone/lib/part", PART);
    await expectClean(box, "clone", { "own.bin": "own1" });
    expect(await box.exists("clone/.git/modules/lib/part/ballast/index")).toBe(true);
    await box.git("clone", "submodule", "--quiet", "foreach", "git ballast checkout --quiet");
  });

  it("commits and pushes by itself, and submodule update follows the commit that the one around it names", async () => {
    await box.mustBallast("whole/lib/part", "checkout");
    await box.git("whole/lib/part", "switch", "-q", "main");
    await box.write("whole/lib/part/a.bin", "a2 of the submodule");
    expect(await box.git("whole/lib/part", "status", "--porcelain")).toBe(MODIFIED);
    expect(await box.git("whole", "status", "--porcelain")).toBe(" M lib/part");
    await box.git("whole/lib/part", "commit", "-q", "-a", "-m", "a2");
    await box.write("whole/own.bin", "own2");
    await box.git("whole", "commit", "-q", "-a", "-m", "both");
    expect(await manifestOf(box, "whole")).toEqual({ "own.bin": sha256("own2") });
    await box.git("whole", "push", "-q", "--recurse-submodules=on-demand");
    await box.git("clone", "pull", "-q", "--recurse-submodules");
    await expectClean(box, "clone/lib/part", { ...PART, "a.bin": "a2 of the submodule" });
    await expectClean(box, "clone", { "own.bin": "own2" });
    await box.git("clone", "checkout", "-q", "--recurse-submodules", "HEAD~1");
    await expectClean(box, "clone/lib/part", PART);
    await expectClean(box, "clone", { "own.bin": "own1" });
    await box.git("clone", "switch", "-q", "main");
    await box.git("clone", "submodule", "--quiet", "update");
    await expectClean(box, "clone/lib/part", { ...PART, "a.bin": "a2 of the submodule" });
  });

  it("keeps its edit when the one around it moves, and loses it only to --force, with a word how to get it back", async () => {
    await box.write("clone/lib/part/a.bin", "edited");
    expect((await box.tryGit("clone", "checkout", "-q", "--recurse-submodules", "HEAD~1")).status).not.toBe(0);
    expect(await assetsOf(box, "clone/lib/part")).toEqual({ ...PART, "a.bin": "edited" });
    const { stderr } = await box.tryGit("clone", "submodule", "update", "--force");
    expect(stderr).toContain(`git ballast show ${sha256("edited")} > a.bin`);
    await expectClean(box, "clone/lib/part", { ...PART, "a.bin": "a2 of the submodule" });
    expect(await box.mustBallast("clone/lib/part", "show", sha256("edited"))).toBe("edited");
  });

  it("whose Git directory moves into the one around it works on", async () => {
    await box.git(".", "clone", "-q", "whole.git", "around");
    await box.git("around", "config", "submodule.lib/part.url", box.path("upstream.git"));
    await box.git("around", "rm", "-q", "--cached", "lib/part");
    await box.run("around", "rm", ["-rf", "lib/part"]);
    await box.mustBallast("around", "clone", "-q", "--branch", "start", box.path("upstream.git"), "lib/part");
    await box.write("around/lib/part/a.bin", "not committed yet");
    await box.git("around", "add", "lib/part");
    await box.git("around", "submodule", "--quiet", "absorbgitdirs");
    expect((await box.read("around/lib/part/.git")).toString()).toContain("gitdir:");
    expect(await box.git("around/lib/part", "status", "--porcelain")).toBe(MODIFIED);
    await box.git("around/lib/part", "commit", "-q", "-a", "-m", "absorbed");
    await expectClean(box, "around/lib/part", { ...PART, "a.bin": "not committed yet" });
    await box.git("around/lib/part", "push", "-q", "origin", "HEAD:refs/heads/absorbed");
  });
});

describe("a repository that lies in a directory of another one", () => {
  beforeAll(async () => {
    await box.mustBallast(".", "clone", "-q", "whole.git", "outer");
    await box.mustBallast("outer", "clone", "-q", "--branch", "start", box.path("upstream.git"), "vendor/inner");
  });

  it("has its own assets, which the outer one leaves alone", async () => {
    await expectClean(box, "outer/vendor/inner", PART);
    await box.write("outer/vendor/inner/new.bin", "inner's");
    await box.write("outer/vendor/beside.bin", "outer's");
    await box.git("outer", "commit", "-q", "-a", "-m", "beside");
    expect(Object.keys(await manifestOf(box, "outer"))).toEqual(["own.bin", "vendor/beside.bin"]);
    await box.git("outer/vendor/inner", "commit", "-q", "-a", "-m", "new");
    await expectClean(box, "outer/vendor/inner", { ...PART, "new.bin": "inner's" });
    await box.git("outer", "reset", "-q", "--hard", "HEAD~1");
    await expectClean(box, "outer/vendor/inner", { ...PART, "new.bin": "inner's" });
  });

  it("is not recorded by the outer one, which can only name a directory above it", async () => {
    await box.mustBallast("outer", "track", "vendor/");
    expect(Object.keys(await manifestOf(box, "outer", ":"))).toEqual(["own.bin"]);
    expect((await box.ballast("outer", "add", "vendor/inner/a.bin")).stderr).toContain("no asset matches vendor/inner/a.bin");
    await box.git("outer", "checkout", "-q", "--", ".");
  });
});

it("tracking a directory leaves submodules and links in it to Git, also those that come later", async () => {
  await box.git(".", "clone", "-q", "whole.git", "tracker");
  await box.mustBallast("tracker", "checkout");
  await box.write("tracker/lib/text.txt", "text");
  await symlink("text.txt", box.path("tracker/lib/link"));
  await box.git("tracker", "add", "--all");
  await box.git("tracker", "commit", "-q", "-m", "link");
  await box.mustBallast("tracker", "track", "lib/");
  await symlink("text.txt", box.path("tracker/lib/link2"));
  await box.git("tracker", "add", "--force", "lib/link2");
  await box.git("tracker", "submodule", "--quiet", "add", "--force", box.path("upstream.git"), "lib/second");
  await box.git("tracker", "add", "--all");
  await box.git("tracker", "commit", "-q", "-m", "tracked");
  expect(await box.git("tracker", "ls-files", "lib")).toBe("lib/link\nlib/link2\nlib/part\nlib/second");
  expect(await manifestOf(box, "tracker")).toEqual({ "lib/text.txt": sha256("text"), "own.bin": sha256("own2") });
});

describe("commands from a subdirectory", () => {
  const at = async (path: string): Promise<Contents> => ({ [path]: (await box.read(`sub/${path}`)).toString() });

  it("take paths from where the user stands, and act on the whole worktree without one", async () => {
    await box.mustBallast(".", "clone", "-q", "--branch", "start", "upstream.git", "sub");
    await box.write("sub/art/b.bin", "b2");
    await box.write("sub/a.bin", "a2");
    await box.mustBallast("sub/art", "add", "b.bin");
    await box.git("sub/art", "commit", "-q", "-m", "only b");
    expect(await manifestOf(box, "sub")).toMatchObject({ "a.bin": sha256("a1"), "art/b.bin": sha256("b2") });
    expect(await box.git("sub/art", "status", "--short")).toBe(" M ../.ballast/manifest.jsonl");
    await box.mustBallast("sub/art", "checkout", "--force", "../a.bin");
    expect(await at("a.bin")).toEqual({ "a.bin": "a1" });
    await box.write("sub/art/deep/c.bin", "c1");
    await box.git("sub/art/deep", "add", "--all", ":/");
    await box.git("sub/art/deep", "commit", "-q", "-m", "c");
    await expectClean(box, "sub", { "a.bin": "a1", "art/b.bin": "b2", "art/deep/c.bin": "c1" });
    expect(await box.mustBallast("sub/art/deep", "ls", "--json")).toContain("art/deep/c.bin");
    expect(await box.mustBallast("sub/art/deep", "show", "HEAD:./c.bin")).toBe("c1");
    await box.run("sub", "rm", ["art/b.bin"]);
    await box.mustBallast("sub/art", "checkout", "b.bin");
    await box.write("sub/art/b.bin", "b3");
    await box.git("sub/art", "stash", "-q");
    await expectClean(box, "sub", { "a.bin": "a1", "art/b.bin": "b2", "art/deep/c.bin": "c1" });
    await box.git("sub/art/deep", "push", "-q", "origin", "HEAD:refs/heads/from-below");
  });

  it("and with GIT_DIR and GIT_WORK_TREE set, from anywhere", async () => {
    await box.mustBallast(".", "clone", "-q", "--branch", "start", "upstream.git", "far");
    await mkdir(box.path("elsewhere"));
    box.env["GIT_DIR"] = box.path("far/.git");
    box.env["GIT_WORK_TREE"] = box.path("far");
    try {
      await box.write("far/a.bin", "from afar");
      expect(await box.git("elsewhere", "status", "--porcelain")).toBe(MODIFIED);
      await box.git("elsewhere", "commit", "-q", "-a", "-m", "from afar");
      expect(await manifestOf(box, "elsewhere")).toMatchObject({ "a.bin": sha256("from afar") });
      expect(await box.git("elsewhere", "status", "--porcelain")).toBe("");
      await box.git("elsewhere", "reset", "-q", "--hard", "HEAD~1");
      expect((await box.read("far/a.bin")).toString()).toBe("a1");
      await box.git("elsewhere", "push", "-q", "origin", "HEAD@{1}:refs/heads/afar");
      expect(await box.mustBallast("elsewhere", "ls")).toContain("a.bin");
    } finally {
      delete box.env["GIT_DIR"];
      delete box.env["GIT_WORK_TREE"];
    }
    await expectClean(box, "far", PART);
  });

  it("and with core.worktree, or a Git directory elsewhere", async () => {
    await box.git(".", "clone", "-q", "--separate-git-dir", box.path("separate.git"), "--branch", "start", "upstream.git", "separate");
    await box.mustBallast("separate", "checkout");
    await expectClean(box, "separate", PART);
    await box.write("separate/a.bin", "a2");
    await box.git("separate", "commit", "-q", "-a", "-m", "a2");
    await box.git("separate", "switch", "-q", "--detach", "HEAD~1");
    await expectClean(box, "separate", PART);
    await box.git("separate", "config", "core.worktree", box.path("separate"));
    await box.git("separate", "switch", "-q", "start");
    await expectClean(box, "separate", { ...PART, "a.bin": "a2" });
  });
});
