import { existsSync } from "node:fs";
import { join } from "node:path";
import { gitFlag } from "./config.ts";
import { at, MANIFEST_PATH, type Repository } from "./repository.ts";
import { runGit } from "./run.ts";

/**
 * Has sparse-checkout keep `.ballast/` where its rules have taken that out of the worktree: without the manifest nothing
 * could be said of any asset, also of those that are wanted, and Git stages nothing that its rules leave out. Does
 * nothing while another Git process holds the index or the rules.
 * @returns `hidden` when it still cannot be brought; `gone` when it is in Git's index and not in the worktree for another
 *   reason: Git is about to write it, or somebody has removed it; undefined otherwise
 */
export async function bringOwnFiles(repository: Repository): Promise<"hidden" | "gone" | undefined> {
  // The rules are no sign: the first `sparse-checkout set` writes them last. Where the manifest is there, nothing is run.
  if (isThere(repository)) return undefined;
  const env = { BALLAST_SETTLING: "1", GIT_INDEX_FILE: undefined };
  const { stdout } = await runGit(["ls-files", "-t", "-z", "--", MANIFEST_PATH], at(repository, { env }));
  if (!stdout.toString().startsWith("S ")) return stdout.length === 0 ? undefined : "gone";
  const cone = await gitFlag(repository, "core.sparseCheckoutCone");
  await runGit(["sparse-checkout", "add", cone ? ".ballast" : "/.ballast/"], at(repository, { env, accept: [1, 128] }));
  return isThere(repository) ? undefined : "hidden";
}

function isThere(repository: Repository): boolean {
  return existsSync(join(repository.top, MANIFEST_PATH));
}
