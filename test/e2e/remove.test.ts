import { rm } from "node:fs/promises";
import { expect, test } from "vitest";
import { asset, project } from "../support/project.ts";
import { sha256 } from "../support/sandbox.ts";

test("remove stops tracking, keeps the file, and Git sees it again", async () => {
  const { box, commit } = await project();
  await commit({ "a.bin": asset("a"), "art/b.bin": asset("b") });
  await box.mustBallast("repo/art", "remove", "b.bin");
  expect(await box.read("repo/art/b.bin")).toEqual(asset("b"));
  expect(await box.git("repo", "status", "--porcelain", "--untracked-files=all")).toBe(" M .ballast/manifest.jsonl\n M .gitignore\n?? art/b.bin");
  await commit({});
  expect((await box.read("repo/.ballast/manifest.jsonl")).toString()).not.toContain("art/b.bin");
  expect(await box.git("repo", "ls-files", "--", "art")).toBe("art/b.bin");
  expect(await box.git("repo", "status", "--porcelain")).toBe("");
});

test("a file of a tracked directory, and the directory after it", async () => {
  const { box, commit } = await project();
  await box.write("repo/tex/sub/a.png", asset("a"));
  await box.mustBallast("repo", "track", "tex");
  await commit({ "tex/b.png": asset("b") });
  await box.mustBallast("repo", "untrack", "tex/sub/a.png");
  expect(await box.git("repo", "status", "--porcelain", "--untracked-files=all")).toContain("?? tex/sub/a.png");
  await commit({ "tex/c.png": asset("c") });
  expect(await box.git("repo", "ls-files", "--", "tex")).toBe("tex/sub/a.png");
  expect((await box.read("repo/.ballast/manifest.jsonl")).toString()).toContain("tex/c.png");
  await box.mustBallast("repo", "remove", "tex");
  expect((await box.read("repo/.gitignore")).toString()).not.toContain("tex");
  expect((await box.read("repo/.ballast/manifest.jsonl")).toString()).not.toContain("tex/");
});

test("--delete removes the file once its content is in a store; a dry run changes nothing", async () => {
  const { box, commit } = await project();
  await commit({ "a.bin": asset("a"), "b.bin": asset("b") });
  await box.write("repo/a.bin", asset("edited, never recorded"));
  await box.mustBallast("repo", "remove", "--delete", "--dry-run", "a.bin");
  expect(await box.exists("repo/a.bin")).toBe(true);
  expect(await box.git("repo", "diff", "--stat", "--", ".gitignore")).toBe("");
  await box.mustBallast("repo", "remove", "--delete", "a.bin");
  expect(await box.exists("repo/a.bin")).toBe(false);
  expect(await box.objects("repo/.git/ballast")).toContain(sha256(asset("edited, never recorded")));
  await commit({});
  expect(await box.git("repo", "status", "--porcelain")).toBe("");
});

test("--purge removes only what nothing uses, and says what it kept", async () => {
  const { box, commit } = await project();
  await commit({ "kept.bin": asset("kept") });
  await box.git("repo", "push", "-q", "origin", "main");
  await box.write("repo/never.bin", asset("never"));
  await box.mustBallast("repo", "track", "--modified", "--push");
  expect(await box.objects("store")).toHaveLength(2);
  await box.mustBallast("repo", "remove", "--purge", "--dry-run", "kept.bin", "never.bin");
  expect(await box.objects("store")).toHaveLength(2);
  const { status, stdout, stderr } = await box.ballast("repo", "remove", "--purge", "kept.bin", "never.bin");
  expect(status).toBe(0);
  expect(stdout + stderr).toContain("kept.bin");
  expect(await box.objects("store")).toEqual([sha256(asset("kept"))]);
  expect(await box.objects("repo/.git/ballast")).toEqual([sha256(asset("kept"))]);
  expect(await box.read("repo/never.bin")).toEqual(asset("never"));
});

test("removes an asset whose file is gone, and refuses what matches nothing", async () => {
  const { box, commit } = await project();
  await commit({ "a.bin": asset("a") });
  await rm(box.path("repo/a.bin"));
  await box.mustBallast("repo", "remove", "a.bin");
  expect((await box.read("repo/.ballast/manifest.jsonl")).toString()).not.toContain("a.bin");
  expect((await box.ballast("repo", "remove", "no-such-file")).status).toBe(2);
  expect((await box.ballast("repo", "remove", "../outside")).status).toBe(2);
});
