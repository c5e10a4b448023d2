import { readdir, readFile } from "node:fs/promises";
import { join, sep } from "node:path";
import { expect } from "vitest";
import { sha256, type Sandbox } from "./sandbox.ts";

/** Contents as text, by path. */
export type Contents = Record<string, string>;

/** The assets (`*.bin`) in a worktree once nothing runs in the background any more; nested repositories are left out. */
export async function assetsOf(box: Sandbox, repo: string): Promise<Contents> {
  await box.settled(repo);
  const found: [string, string][] = [];
  const walk = async (directory: string): Promise<void> => {
    const entries = await readdir(box.path(repo, directory), { withFileTypes: true });
    if (directory !== "" && entries.some(({ name }) => name === ".git")) return;
    for (const entry of entries) {
      const path = join(directory, entry.name);
      if (entry.isDirectory() && entry.name !== ".git") await walk(path);
      else if (entry.isFile() && path.endsWith(".bin")) found.push([path.split(sep).join("/"), await readFile(box.path(repo, path), "utf8")]);
    }
  };
  await walk("");
  return Object.fromEntries(found.sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** The contents' oids that a revision's manifest names, by path; `:` for what is staged. */
export async function manifestOf(box: Sandbox, repo: string, revision = "HEAD"): Promise<Contents> {
  const text = await box.git(repo, "cat-file", "blob", `${revision}${revision === ":" ? "" : ":"}.ballast/manifest.jsonl`);
  return Object.fromEntries(text.split("\n").slice(1).map((line) => JSON.parse(line) as { path: string; oid: string }).map(({ path, oid }) => [path, oid]));
}

/** Disk and commit both have just these contents, and Git says that nothing changed. */
export async function expectClean(box: Sandbox, repo: string, contents: Contents): Promise<void> {
  expect(await assetsOf(box, repo)).toEqual(contents);
  expect(await manifestOf(box, repo)).toEqual(Object.fromEntries(Object.entries(contents).map(([path, content]) => [path, sha256(content)])));
  expect(await box.git(repo, "status", "--porcelain")).toBe("");
}
