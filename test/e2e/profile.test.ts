import { beforeAll, describe, expect, it } from "vitest";
import type { Status } from "../../src/commands/status.ts";
import { asset, project, type Project } from "../support/project.ts";
import { sha256 } from "../support/sandbox.ts";

/*
 * Worktrees that want a part of the assets only: by git sparse-checkout, by fetch.include, by checkout --include. What
 * they leave out is neither missing nor deleted, whatever is committed there.
 */
let p: Project;
const PATHS = ["art/a.bin", "art/deep/b.bin", "maps/m.bin", "top.bin"];
beforeAll(async () => {
  p = await project();
  await p.commit({ ...Object.fromEntries(PATHS.map((path) => [path, asset(path)])), "art/readme.txt": "x", "maps/readme.txt": "x" });
  await p.box.git("repo", "push", "-q", "-u", "origin", "main");
});

let clones = 0;
async function clone(...options: string[]): Promise<string> {
  const name = `clone${++clones}`;
  await p.box.git(".", "clone", "-q", ...options, "upstream.git", name);
  return name;
}

const there = async (repo: string): Promise<string[]> => {
  await p.box.settled(repo);
  const found = await Promise.all(PATHS.map(async (path) => ((await p.box.exists(`${repo}/${path}`)) ? [path] : [])));
  return found.flat();
};
const status = async (repo: string): Promise<Status> => JSON.parse(await p.box.mustBallast(repo, "status", "--json")) as Status;

describe("git sparse-checkout", () => {
  it("leaves assets out as Git's own files, and a commit there deletes none", async () => {
    const { box } = p;
    const repo = await clone("--sparse");
    await box.git(repo, "sparse-checkout", "set", "art");
    await box.mustBallast(repo, "checkout");
    expect(await there(repo)).toEqual(["art/a.bin", "art/deep/b.bin", "top.bin"]);
    const { entries, notes } = await status(repo);
    expect([entries, notes]).toEqual([[], [expect.stringContaining("1 asset left out")]]);
    expect(await box.git(repo, "status", "--short")).toBe("");
    await box.write(`${repo}/art/a.bin`, "edited");
    await box.git(repo, "commit", "-qam", "edit");
    expect(await box.git(repo, "show", "HEAD:.ballast/manifest.jsonl")).toContain('"maps/m.bin"');
    expect(await there(repo)).toEqual(["art/a.bin", "art/deep/b.bin", "top.bin"]);
    expect(await box.git(repo, "status", "--short")).toBe("");
  });

  it("honours an explicit path and says so, and the next hooks keep that", async () => {
    const { box } = p;
    const repo = await clone("--sparse");
    await box.git(repo, "sparse-checkout", "set", "art/deep");
    const { stderr } = await box.ballast(repo, "checkout", "maps/m.bin");
    expect(stderr).toContain("1 asset outside of this worktree's profile");
    await box.mustBallast(repo, "checkout", ".");
    expect(await there(repo)).toEqual(["art/a.bin", "art/deep/b.bin", "maps/m.bin", "top.bin"]);
    await box.run(repo, "rm", ["maps/m.bin"]);
    expect(await box.git(repo, "status", "--short")).toBe("");
    await box.git(repo, "commit", "-q", "--allow-empty", "-am", "nothing");
    expect(await box.git(repo, "show", "HEAD:.ballast/manifest.jsonl")).toContain('"maps/m.bin"');
  });

  it("that is narrowed afterwards takes no asset out of the manifest, and widened brings them with the next checkout", async () => {
    const { box } = p;
    const repo = await clone();
    await box.mustBallast(repo, "checkout");
    await box.git(repo, "sparse-checkout", "set", "--no-cone", "/*", "!/maps/");
    await box.run(repo, "rm", ["-r", "-f", "maps"]);
    expect(await box.git(repo, "status", "--short")).toBe("");
    await box.git(repo, "commit", "-q", "--allow-empty", "-am", "nothing");
    expect(await box.git(repo, "show", "HEAD:.ballast/manifest.jsonl")).toContain('"maps/m.bin"');
    await box.git(repo, "sparse-checkout", "disable");
    await box.mustBallast(repo, "checkout", "--all");
    expect(await there(repo)).toEqual(PATHS);
  });
});

it("what Git removes as sparse-checkout is narrowed, edits and new assets, is in the local store", async () => {
  const { box } = p;
  const repo = await clone();
  await box.mustBallast(repo, "checkout");
  await box.write(`${repo}/maps/m.bin`, "edited, in nobody's commit");
  await box.write(`${repo}/maps/new.bin`, "new, in nobody's commit");
  await box.git(repo, "sparse-checkout", "set", "art");
  expect(await box.exists(`${repo}/maps`)).toBe(false);
  const captured = (await box.read(`${repo}/.git/ballast/captured`)).toString();
  for (const [path, content] of [["maps/m.bin", "edited, in nobody's commit"], ["maps/new.bin", "new, in nobody's commit"]] as const) {
    expect(captured).toContain(`${sha256(content)} "${path}"`);
    expect(await box.mustBallast(repo, "show", sha256(content))).toBe(content);
  }
});

it("the manifest stays, whatever sparse-checkout leaves out, and follows git switch there", async () => {
  const { box } = p;
  const repo = await clone();
  await box.mustBallast(repo, "checkout");
  await box.git(repo, "branch", "old");
  await box.write(`${repo}/art/a.bin`, "edited");
  await box.git(repo, "commit", "-qam", "edit");
  await box.git(repo, "sparse-checkout", "set", "art");
  await box.settled(repo);
  expect(await box.exists(`${repo}/.ballast/manifest.jsonl`)).toBe(true);
  expect(await there(repo)).toContain("art/a.bin");
  await box.git(repo, "switch", "-q", "old");
  expect(await there(repo)).toContain("art/a.bin");
  expect(await box.read(`${repo}/art/a.bin`)).toEqual(asset("art/a.bin"));
  expect(await box.git(repo, "status", "--short")).toBe("");
  await box.write(`${repo}/art/a.bin`, "again");
  await box.git(repo, "commit", "-qam", "again");
  expect(await box.git(repo, "show", "HEAD:.ballast/manifest.jsonl")).toContain('"maps/m.bin"');
  expect(await box.git(repo, "status", "--short")).toBe("");
});

describe("fetch.include and fetch.exclude", () => {
  it("narrow checkout, hooks and fetch", async () => {
    const { box } = p;
    const repo = await clone("-c", "ballast.fetch.include=/art/, *.bin", "-c", "ballast.fetch.exclude=/maps/, deep/");
    await box.mustBallast(repo, "checkout");
    expect(await there(repo)).toEqual(["art/a.bin", "top.bin"]);
    expect((await status(repo)).entries).toEqual([]);
    const fetched = JSON.parse(await box.mustBallast(await clone("-c", "ballast.fetch.include=/maps/"), "fetch", "--dry-run", "--json")) as { objects: number };
    expect(fetched.objects).toBe(1);
  });
});

describe("checkout --include", () => {
  it("lasts: hooks leave out what it left out, until a checkout of everything", async () => {
    const { box } = p;
    const repo = await clone();
    await box.mustBallast(repo, "checkout", "--include", "/maps/");
    expect(await there(repo)).toEqual(["maps/m.bin"]);
    await box.git(repo, "switch", "-q", "-c", "other");
    await box.write(`${repo}/maps/m.bin`, "edited");
    await box.git(repo, "commit", "-qam", "edit");
    await box.git(repo, "switch", "-q", "main");
    expect(await there(repo)).toEqual(["maps/m.bin"]);
    expect(await box.read(`${repo}/maps/m.bin`)).toEqual(asset("maps/m.bin"));
    await box.git(repo, "reset", "-q", "--hard", "other");
    expect(await there(repo)).toEqual(["maps/m.bin"]);
    expect(await box.git(repo, "show", "HEAD:.ballast/manifest.jsonl")).toContain('"top.bin"');
    expect((await status(repo)).entries).toEqual([]);
    await box.mustBallast(repo, "pull", ".", "main");
    expect(await there(repo)).toEqual(["maps/m.bin"]);
    await box.mustBallast(repo, "checkout");
    expect(await there(repo)).toEqual(PATHS);
  });
});
