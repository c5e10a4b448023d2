import { rename } from "node:fs/promises";
import { expect, test } from "vitest";
import { asset, project, type Project } from "../support/project.ts";
import { sha256 } from "../support/sandbox.ts";

const LOCAL = "clone/.git/ballast";

/** A plain Git clone of a pushed repository with two versions of an asset. */
async function cloned(): Promise<Project> {
  const it = await project();
  await it.commit({ "a.bin": asset("a") });
  await it.commit({ "a.bin": asset("a2") });
  await it.box.git("repo", "push", "-q", "-u", "origin", "main");
  await it.box.git(".", "clone", "-q", "upstream.git", "clone");
  return it;
}

test("fetch brings what HEAD needs into the local store, and --all every version", async () => {
  const { box } = await cloned();
  await box.mustBallast("clone", "fetch", "--dry-run");
  expect(await box.objects(LOCAL)).toEqual([]);
  await box.mustBallast("clone", "fetch");
  expect(await box.objects(LOCAL)).toEqual([sha256(asset("a2"))]);
  expect(await box.exists("clone/a.bin")).toBe(false);
  await box.mustBallast("clone", "fetch", "--all");
  expect(await box.objects(LOCAL)).toEqual([sha256(asset("a")), sha256(asset("a2"))].sort());
});

test("what was fetched is restored without the store", async () => {
  const { box } = await cloned();
  await box.mustBallast("clone", "fetch", "origin", "main");
  await rename(box.path("store"), box.path("elsewhere"));
  await box.mustBallast("clone", "checkout");
  expect(await box.read("clone/a.bin")).toEqual(asset("a2"));
});

test("fetch names what the store does not have", async () => {
  const { box } = await cloned();
  const oid = sha256(asset("a2"));
  await rename(box.path("store/objects", oid.slice(0, 2), oid), box.path("taken"));
  const { status, stdout, stderr } = await box.ballast("clone", "fetch");
  expect(status).not.toBe(0);
  expect(stdout + stderr).toContain("a.bin");
});

test("git pull restores by its hooks, and git ballast pull does so too", async () => {
  const { box, commit } = await cloned();
  await box.mustBallast("clone", "checkout");
  await commit({ "a.bin": asset("a3"), "b.bin": asset("b") });
  await box.git("repo", "push", "-q");
  await box.git("clone", "pull", "-q");
  await box.settled("clone");
  expect(await box.read("clone/a.bin")).toEqual(asset("a3"));
  expect(await box.read("clone/b.bin")).toEqual(asset("b"));
  await commit({ "a.bin": asset("a4") });
  await box.git("repo", "push", "-q");
  await box.mustBallast("clone", "pull", "--ff-only");
  expect(await box.read("clone/a.bin")).toEqual(asset("a4"));
  expect(await box.git("clone", "status", "--porcelain")).toBe("");
});

test("a pull that fails in Git fails", async () => {
  const { box } = await cloned();
  await rename(box.path("upstream.git"), box.path("gone.git"));
  expect((await box.ballast("clone", "pull")).status).toBe(3);
});
