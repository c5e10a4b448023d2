import type { Context } from "../context.ts";
import { BallastError } from "../errors.ts";
import { checkPath, comparePaths } from "../manifest/path.ts";
import { openWorktree } from "../worktree/session.ts";
import { patternFor, tracking } from "../worktree/tracking.ts";

/**
 * The paths that the arguments of `lock` and `unlock` name, in order: assets, by path, directory or pattern, and paths
 * that would be assets since a tracked pattern matches them.
 * @param known further paths that may be named, such as locks of assets that are gone
 * @throws USAGE for an argument that names none, PATH_REFUSED
 */
export async function lockablePaths({ repository, cwd }: Context, args: readonly string[], known: Iterable<string> = []): Promise<string[]> {
  const worktree = openWorktree(repository);
  const candidates = [...new Set([...worktree.manifest.keys(), ...known])];
  const paths = new Set<string>();
  for (const argument of args) {
    const pattern = patternFor(repository, cwd, argument);
    const named = candidates.filter(tracking([pattern]).matches);
    const literal = pattern.replace(/^\//, "").replace(/\\(.)/g, "$1");
    if (named.length === 0 && pattern.startsWith("/") && !pattern.endsWith("/") && !/(?<!\\)[*?[]/.test(pattern) && worktree.tracking.matches(literal)) {
      checkPath(literal);
      named.push(literal);
    }
    if (named.length === 0) throw new BallastError("USAGE", `no asset matches ${argument}`, { hint: "git ballast ls shows the assets; git ballast track makes a file one" });
    for (const path of named) paths.add(path);
  }
  return [...paths].sort(comparePaths);
}
