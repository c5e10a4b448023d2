import { existsSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { environment } from "../config/environment.ts";
import { BallastError, isBallastError } from "../errors.ts";
import { gitText, type RunOptions } from "./run.ts";

/** Where the parts of one Git repository and worktree are. All paths are absolute. */
export interface Repository {
  /** The worktree's top directory. */
  readonly top: string;
  /** This worktree's Git directory: HEAD, index, and our `ballast/` with the stat cache. */
  readonly gitDir: string;
  /** The Git directory that all worktrees share: objects, refs, and our `ballast/` with the local store. */
  readonly commonDir: string;
}

export const MANIFEST_PATH = ".ballast/manifest.jsonl";
export const CONFIG_PATH = ".ballast/config";

/** @throws NOT_A_REPOSITORY outside a Git worktree, and in a bare repository */
export async function openRepository(cwd: string): Promise<Repository> {
  const near = findNearby(cwd);
  if (near) return near;
  try {
    const out = await gitText(["rev-parse", "--show-toplevel", "--absolute-git-dir", "--git-common-dir"], { cwd });
    const [top, gitDir, commonDir] = out.split("\n");
    return { top: top!, gitDir: gitDir!, commonDir: resolve(cwd, commonDir!) };
  } catch (error) {
    if (!isBallastError(error, "GIT_FAILED")) throw error;
    const bare = error.message.includes("work tree");
    throw new BallastError("NOT_A_REPOSITORY", bare ? `no worktree here: ${cwd}` : `not inside a Git repository: ${cwd}`, {
      hint: bare ? "run this in a clone with a worktree" : "run git init first, or change into a repository",
      cause: error,
    });
  }
}

/** The ordinary layout, recognised without starting Git; undefined when only Git itself can tell. */
function findNearby(cwd: string): Repository | undefined {
  const { GIT_DIR, GIT_WORK_TREE, GIT_COMMON_DIR } = environment();
  if (GIT_WORK_TREE || GIT_COMMON_DIR || (GIT_DIR && GIT_DIR !== ".git")) return undefined;
  for (let dir = resolve(cwd); ; dir = dirname(dir)) {
    const dotGit = join(dir, ".git");
    if (existsSync(join(dotGit, "HEAD")) && existsSync(join(dotGit, "objects"))) {
      // core.worktree and core.bare move the worktree elsewhere: let Git answer.
      const config = readFileSync(join(dotGit, "config"), "utf8");
      if (/^\s*worktree\s*=|^\s*bare\s*=\s*true/im.test(config)) return undefined;
      return { top: dir, gitDir: dotGit, commonDir: dotGit };
    }
    if (existsSync(dotGit) || dir === dirname(dir)) return undefined;
  }
}

/** Options for a Git command that runs at the top of this repository's worktree. */
export function at(repository: Repository, options: Omit<RunOptions, "cwd"> = {}): RunOptions {
  return { cwd: repository.top, ...options };
}

/** Where this worktree's own state is kept: stat cache, stamp, conflicts. */
export function worktreeState(repository: Repository, name: string): string {
  return join(repository.gitDir, "ballast", name);
}

/** Where the state that all worktrees share is kept: the local store and the logs. */
export function sharedState(repository: Repository, name: string): string {
  return join(repository.commonDir, "ballast", name);
}
