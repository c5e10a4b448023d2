import { existsSync, readFileSync, realpathSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { environment } from "../config/environment.ts";
import { BallastError } from "../errors.ts";
import { gitConfig } from "./config.ts";
import type { Repository } from "./repository.ts";

/**
 * Whether the worktree is the one whose state the Git directory keeps. `GIT_WORK_TREE` may name any other directory for
 * one command: `git filter-branch --tree-filter` and `git difftool` do, and people who check out a copy somewhere. What
 * is there is nobody's edit, and what is not there was not deleted.
 */
export async function isOwnWorktree(repository: Repository): Promise<boolean> {
  if (!environment()["GIT_WORK_TREE"]) return true;
  const own = await ownTop(repository);
  return own === undefined || (existsSync(own) && realpathSync(own) === realpathSync(repository.top));
}

/** @throws USAGE in a worktree that is not the Git directory's own */
export async function requireOwnWorktree(repository: Repository): Promise<void> {
  if (await isOwnWorktree(repository)) return;
  throw new BallastError("USAGE", `${repository.top} is not the worktree of ${repository.gitDir}`, {
    hint: "unset GIT_WORK_TREE; git worktree add makes a second worktree, with its assets",
  });
}

/** Undefined where the Git directory names no worktree, as one that stands apart from the files. */
async function ownTop(repository: Repository): Promise<string | undefined> {
  const { gitDir } = repository;
  const link = join(gitDir, "gitdir");
  if (existsSync(link)) return dirname(resolve(gitDir, readFileSync(link, "utf8").trim()));
  const configured = await gitConfig(repository, "core.worktree");
  if (configured !== undefined) return resolve(gitDir, configured);
  return basename(gitDir) === ".git" ? dirname(gitDir) : undefined;
}
