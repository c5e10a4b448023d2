import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { sha256, type Sandbox } from "../sandbox.ts";

/** Oids by path. */
export type Files = ReadonlyMap<string, string>;

export const MANIFEST = ".ballast/manifest.jsonl";
/** What Git leaves in the Git directory while an operation waits for the user. */
const UNFINISHED = ["MERGE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD", "rebase-merge", "rebase-apply", "sequencer", "BISECT_START"];
const CONTENT = /\.(bin|dat)$/;

/** Reads what there is: disk, commits and what Git has left unfinished; it changes nothing. */
export class Look {
  readonly #box: Sandbox;

  constructor(box: Sandbox) {
    this.#box = box;
  }

  /** The clone whose Git directory has the objects: `w` is a linked worktree of `a`. */
  repository(clone: string): string {
    return clone === "w" ? "a" : clone;
  }

  /** The Git directory of a worktree. */
  gitDir(clone: string): string {
    return this.#box.path(clone === "w" ? "a/.git/worktrees/w" : `${clone}/.git`);
  }

  has(clone: string, name: string): boolean {
    return existsSync(join(this.gitDir(clone), name));
  }

  unfinished(clone: string): boolean {
    return UNFINISHED.some((name) => this.has(clone, name));
  }

  /** Every file that is or could be an asset. */
  async disk(clone: string): Promise<Files> {
    const root = this.#box.path(clone);
    const files = new Map<string, string>();
    for (const entry of await readdir(root, { recursive: true, withFileTypes: true })) {
      const path = join(entry.parentPath, entry.name).slice(root.length + 1);
      if (entry.isFile() && CONTENT.test(path) && !path.startsWith(".git/") && !path.includes(".ballast-theirs")) files.set(path, sha256(await readFile(join(root, path))));
    }
    return files;
  }

  /** Those that the patterns of HEAD make assets. */
  async assets(clone: string): Promise<Files> {
    const { stdout } = await this.#box.tryGit(clone, "show", "HEAD:.gitignore");
    const dat = stdout.split("\n").includes("*.dat");
    return new Map([...(await this.disk(clone))].filter(([path]) => dat || path.endsWith(".bin")));
  }

  /** Paths that Git itself has, and whose content is Git's business. */
  async inGit(clone: string): Promise<ReadonlySet<string>> {
    return new Set((await this.#box.git(clone, "ls-files")).split("\n"));
  }

  /** A commit from before Ballast, or one that took it out again, has no assets and no patterns. */
  async hasBallast(clone: string): Promise<boolean> {
    return (await this.#box.tryGit(clone, "cat-file", "-e", `HEAD:${MANIFEST}`)).status === 0;
  }

  async manifest(repository: string, commit: string): Promise<Files> {
    const { status, stdout } = await this.#box.tryGit(repository, "show", `${commit}:${MANIFEST}`);
    if (status !== 0) return new Map();
    return new Map(stdout.split("\n").slice(1).filter(Boolean).map((line) => {
      const { path, oid } = JSON.parse(line) as { path: string; oid: string };
      return [path, oid];
    }));
  }

  status(clone: string): Promise<string> {
    return this.#box.git(clone, "status", "--porcelain", "--untracked-files=no");
  }
}

export function same(a: Files, b: Files): boolean {
  return a.size === b.size && [...a].every(([path, oid]) => b.get(path) === oid);
}

export function show(files: Files): string {
  return `{${[...files].sort().map(([path, oid]) => `${path} ${oid.slice(0, 8)}`).join(", ")}}`;
}
