/*
 * The files that Git itself has in its index. A file of these that is an asset too is versioned twice.
 */
import { at, type Repository } from "./repository.ts";
import { runGit } from "./run.ts";

/** The regular files of Git's index, unmerged ones included, in its order. Links and submodules are none. */
export async function trackedFiles(repository: Repository): Promise<string[]> {
  const { stdout } = await runGit(["ls-files", "--stage", "-z"], at(repository));
  // <mode> SP <blob> SP <stage> TAB <path> NUL
  const files = stdout.toString().split("\0").filter((line) => line.startsWith("100"));
  return [...new Set(files.map((line) => line.slice(line.indexOf("\t") + 1)))];
}

/** Every path of the worktree's own index, in its order; one that is unmerged stands there more than once. */
export async function indexedPaths(repository: Repository): Promise<string[]> {
  const { stdout } = await runGit(["ls-files", "-z"], at(repository, { env: { GIT_INDEX_FILE: undefined } }));
  return stdout.toString().split("\0");
}

/** Has Git forget these files with the next commit; they stay on disk. */
export async function takeOutOfGit(repository: Repository, paths: readonly string[]): Promise<void> {
  if (paths.length === 0) return;
  const input = paths.join("\0");
  await runGit(["rm", "--cached", "--quiet", "--force", "--pathspec-from-file=-", "--pathspec-file-nul"], at(repository, { input, env: { GIT_LITERAL_PATHSPECS: "1" } }));
}
