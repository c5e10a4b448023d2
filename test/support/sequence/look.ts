import { existsSync, readdirSync, readFileSync } from "node:fs";
import { extname, join } from "node:path";
import { sha256, type Sandbox } from "../sandbox.ts";
import { Objects } from "./objects.ts";

/** Oids by path. */
export type Files = ReadonlyMap<string, string>;

export const MANIFEST = ".ballast/manifest.jsonl";
/** What Git leaves in the Git directory while an operation waits for the user. */
const UNFINISHED = ["MERGE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD", "rebase-merge", "rebase-apply", "sequencer", "BISECT_START"];
const CONTENT = /\.(bin|dat)$/;

/** Reads what there is: disk, commits and what Git has left unfinished; it changes nothing. */
export class Look {
  readonly #box: Sandbox;
  readonly #objects = new Map<string, Objects>();

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
  disk(clone: string): Files {
    const root = this.#box.path(clone);
    const files = new Map<string, string>();
    const walk = (directory: string): void => {
      for (const entry of readdirSync(join(root, directory), { withFileTypes: true })) {
        const path = join(directory, entry.name);
        if (entry.isDirectory() && entry.name !== ".git") walk(path);
        else if (entry.isFile() && CONTENT.test(path) && !path.includes(".ballast-theirs")) files.set(path, sha256(readFileSync(join(root, path))));
      }
    };
    walk("");
    return files;
  }

  /** Those that HEAD's patterns or its manifest make assets. */
  async assets(clone: string): Promise<Files> {
    const tracked = await this.#tracked(clone);
    const manifest = await this.manifest(clone, "HEAD");
    const inGit = await this.inGit(clone);
    return new Map([...this.disk(clone)].filter(([path]) => tracked(path) || (manifest.has(path) && !inGit.has(path))));
  }

  /** Whether HEAD's patterns make assets of these. */
  async tracks(clone: string, ...paths: string[]): Promise<boolean> {
    return paths.every(await this.#tracked(clone));
  }

  /** What Git itself has stays Git's when a merge, say, brings a pattern for it. */
  async #tracked(clone: string): Promise<(path: string) => boolean> {
    const patterns = new Set((await this.#read(clone, "HEAD:.gitignore"))?.split("\n"));
    const inGit = await this.inGit(clone);
    return (path) => patterns.has(`*${extname(path)}`) && !inGit.has(path);
  }

  /** Paths that Git itself has, and whose content is Git's business. */
  async inGit(clone: string): Promise<ReadonlySet<string>> {
    return new Set((await this.#box.git(clone, "ls-files")).split("\n"));
  }

  /** What Git itself has stashed of a file that neither it nor Ballast tracks, in the last stash. */
  async untrackedInStash(clone: string, path: string): Promise<string | undefined> {
    const content = await this.#bytes(clone, `refs/stash^3:${path}`);
    return content && sha256(content);
  }

  /** A commit from before Ballast, or one that took it out again, has no assets and no patterns. */
  async hasBallast(clone: string): Promise<boolean> {
    // Of a manifest that no attribute gives to the filter, Git shows no change, and status and pre-commit say so.
    return (await this.#read(clone, `HEAD:${MANIFEST}`)) !== undefined && ((await this.#read(clone, "HEAD:.gitattributes")) ?? "").includes("filter=ballast");
  }

  async manifest(repository: string, commit: string): Promise<Files> {
    const text = (await this.#read(repository, `${commit}:${MANIFEST}`)) ?? "";
    return new Map(text.split("\n").slice(1).filter(Boolean).map((line) => {
      const { path, oid } = JSON.parse(line) as { path: string; oid: string };
      return [path, oid];
    }));
  }

  /** The assets of HEAD, but for files that Git has too: a merge may leave one to both, which `status` names. */
  async recorded(clone: string): Promise<Files> {
    const inGit = await this.inGit(clone);
    return new Map([...(await this.manifest(clone, "HEAD"))].filter(([path]) => !inGit.has(path)));
  }

  status(clone: string): Promise<string> {
    return this.#box.git(clone, "status", "--porcelain", "--untracked-files=no");
  }

  /** Lets go of a clone that is about to be removed. */
  async forget(clone: string): Promise<void> {
    await this.#objects.get(clone)?.close();
    this.#objects.delete(clone);
  }

  async close(): Promise<void> {
    await Promise.all([...this.#objects.keys()].map((clone) => this.forget(clone)));
  }

  async #read(clone: string, name: string): Promise<string | undefined> {
    return (await this.#bytes(clone, name))?.toString();
  }

  async #bytes(clone: string, name: string): Promise<Buffer | undefined> {
    const objects = this.#objects.get(clone) ?? new Objects(this.#box.path(clone), this.#box.env);
    this.#objects.set(clone, objects);
    return objects.read(name);
  }
}

export function same(a: Files, b: Files): boolean {
  return a.size === b.size && [...a].every(([path, oid]) => b.get(path) === oid);
}

export function show(files: Files): string {
  return `{${[...files].sort().map(([path, oid]) => `${path} ${oid.slice(0, 8)}`).join(", ")}}`;
}
