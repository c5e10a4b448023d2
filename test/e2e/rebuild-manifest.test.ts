import { readFile, rm, truncate } from "node:fs/promises";
import { expect, test } from "vitest";
import { asset, project, type Project } from "../support/project.ts";
import { sha256 } from "../support/sandbox.ts";
import { snapshot } from "../support/snapshot.ts";

/* `fsck --rebuild-manifest`: a manifest file that is lost or mangled comes back, and no asset is touched. */
const MANIFEST = "repo/.ballast/manifest.jsonl";
const FILES = { "a.bin": asset("a"), "dir/b.bin": asset("b") };

async function begin(): Promise<Project & { assets(): Promise<Record<string, string>> }> {
  const it = await project();
  await it.commit(FILES);
  return { ...it, assets: () => snapshot(it.box.path("repo"), [".git", ".ballast"]) };
}

const DAMAGE: Record<string, (it: Project) => Promise<void>> = {
  lost: (it) => rm(it.box.path(MANIFEST)),
  "cut off": (it) => truncate(it.box.path(MANIFEST), 100),
};

for (const [what, damage] of Object.entries(DAMAGE)) {
  test(`one that is ${what} comes back from what is staged, edits included`, async () => {
    const it = await begin();
    const { box } = it;
    await box.write("repo/a.bin", asset("staged"));
    await box.write("repo/new.bin", asset("new"));
    await box.git("repo", "add", "-A");
    const staged = await box.git("repo", "show", ":.ballast/manifest.jsonl");
    await box.write("repo/dir/b.bin", asset("edited"));
    await damage(it);
    const before = await it.assets();
    expect(await box.mustBallast("repo", "fsck", "--rebuild-manifest", "--dry-run")).toBe("Would bring back the manifest with 3 assets, from Git's index.");
    const mangled = what === "lost" ? undefined : await box.read(MANIFEST);
    await box.mustBallast("repo", "fsck", "--rebuild-manifest");
    expect((await box.read(MANIFEST)).toString()).toBe(`${staged}\n`);
    expect(await it.assets()).toEqual(before);
    if (mangled) expect(await readFile(box.path("repo/.git/ballast/manifest.damaged.1"))).toEqual(mangled);
    expect((await box.mustBallast("repo", "status", "--porcelain")).split("\n").filter((line) => !line.startsWith("P")).sort()).toEqual([" M dir/b.bin", "A  new.bin", "M  a.bin"]);
    await box.git("repo", "commit", "-q", "-a", "-m", "all of it");
    await box.settled("repo");
    expect(await it.assets()).toEqual(before);
    expect(await box.git("repo", "status", "--porcelain")).toBe("");
    expect(await box.mustBallast("repo", "fsck", "--rebuild-manifest")).toContain("nothing was done");
  });
}

test("one whose loss was staged and committed comes back from the newest commit that has one", async () => {
  const it = await begin();
  const { box } = it;
  await box.write("repo/a.bin", asset("edited"));
  await box.git("repo", "rm", "-q", "--cached", ".ballast/manifest.jsonl");
  await rm(box.path(MANIFEST));
  await box.git("repo", "-c", "core.hooksPath=/dev/null", "commit", "-q", "-m", "oops");
  const before = await it.assets();
  expect(await box.mustBallast("repo", "fsck", "--rebuild-manifest")).toMatch(/with 2 assets, from commit [0-9a-f]{12}\.$/m);
  expect((await box.read(MANIFEST)).toString()).toBe(`${await box.git("repo", "show", "HEAD~:.ballast/manifest.jsonl")}\n`);
  expect(await it.assets()).toEqual(before);
  await box.git("repo", "add", "-A");
  await box.git("repo", "commit", "-q", "-m", "back again");
  expect(await box.git("repo", "show", "HEAD:.ballast/manifest.jsonl")).toContain(sha256(asset("edited")));
});

test("where Git has none, the files themselves and what is left of the manifest make one", async () => {
  const { box } = await project();
  for (const [path, content] of Object.entries(FILES)) await box.write(`repo/${path}`, content);
  await box.mustBallast("repo", "track", "--modified");
  await box.run("repo", "rm", ["-f", ".git/index"]);
  await box.write(MANIFEST, `{"ballast":"manifest","version":1}\n{"path":"away.bin","oid":"${sha256("away")}","size":4}\nrubbish\n`);
  const { stdout } = await box.ballast("repo", "fsck", "--rebuild-manifest", "--json");
  expect(JSON.parse(stdout)).toMatchObject({ needed: true, source: "the files in the worktree", assets: 3 });
  const lines = (await box.read(MANIFEST)).toString().split("\n").slice(1, -1).map((line) => JSON.parse(line) as unknown);
  expect(lines).toEqual([
    { path: "a.bin", oid: sha256(asset("a")), size: 3000 },
    { path: "away.bin", oid: sha256("away"), size: 4 },
    { path: "dir/b.bin", oid: sha256(asset("b")), size: 3000 },
  ]);
});

test("what Git moved before the manifest was lost is restored later, and an edit stays", async () => {
  const it = await begin();
  const { box } = it;
  await it.commit({ "a.bin": asset("second") });
  // Git moves the manifest without a hook, and the file is lost before anything settles.
  await box.git("repo", "-c", "core.hooksPath=/dev/null", "checkout", "-q", "HEAD~");
  await box.write("repo/dir/b.bin", asset("edited"));
  await rm(box.path(MANIFEST));
  const which = async (path: string): Promise<string | undefined> => {
    const content = await box.read(`repo/${path}`);
    return ["a", "second", "edited"].find((name) => content.equals(asset(name)));
  };
  expect((await box.ballast("repo", "fsck", "--rebuild-manifest")).stderr).toContain("1 asset is not as Git's index has them");
  expect(await which("a.bin")).toBe("second");
  await box.mustBallast("repo", "checkout");
  expect(await which("a.bin")).toBe("a");
  expect(await which("dir/b.bin")).toBe("edited");
});

test("an unmerged manifest is for resolve, and nothing is written", async () => {
  const it = await begin();
  const { box } = it;
  await box.git("repo", "switch", "-q", "-c", "other");
  await it.commit({ "a.bin": asset("theirs") });
  await box.git("repo", "switch", "-q", "main");
  await box.settled("repo");
  await it.commit({ "a.bin": asset("ours") });
  expect((await box.tryGit("repo", "merge", "-q", "other")).status).not.toBe(0);
  await rm(box.path(MANIFEST));
  const { status, stderr } = await box.ballast("repo", "fsck", "--rebuild-manifest");
  expect({ status, stderr }).toMatchObject({ status: 5, stderr: expect.stringContaining("unmerged") });
  expect(await box.exists(MANIFEST)).toBe(false);
});
