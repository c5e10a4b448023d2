import { indexedPaths } from "../git/tracked-files.ts";
import { otherwise, type Seen } from "./seen.ts";
import type { Worktree } from "./session.ts";

/**
 * What Git has in its index and the manifest has not is Git's, and Git has put there what is on disk: a file that became an
 * asset with a later commit, or was one until an earlier one. Nothing is removed there, and nobody's edit is in conflict.
 */
export async function leaveToGit({ repository, index }: Worktree, seen: Map<string, Seen>): Promise<void> {
  const unclaimed = [...seen.values()].filter(({ m, w, state }) => m === undefined && w !== undefined && state !== "none");
  if (unclaimed.length === 0) return;
  const inGit = new Set(await indexedPaths(repository));
  for (const sight of unclaimed) {
    const { path } = sight;
    if (!inGit.has(path)) continue;
    seen.set(path, otherwise(sight, { state: "none", b: undefined }));
    index.set(path, undefined);
  }
}
