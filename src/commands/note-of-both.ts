import type { Repository } from "../git/repository.ts";
import { trackedFiles } from "../git/tracked-files.ts";
import type { Manifest } from "../manifest/manifest.ts";
import { count, formatPath } from "../util/format.ts";
import { shellWord } from "../util/package-root.ts";
import { readTracking } from "../worktree/tracking.ts";

/**
 * What to say of assets that Git has in its index as well, and the command for it. A merge can bring an asset together
 * with a file that Git has at the same path; no commit of ours adds one.
 */
export async function noteOfBoth(repository: Repository, assets: Pick<Manifest, "has">): Promise<{ detail: string; mend: string } | undefined> {
  const both = (await trackedFiles(repository)).filter((path) => assets.has(path));
  const [first] = both;
  if (first === undefined) return undefined;
  return {
    detail: `Git itself has ${formatPath(first)}${both.length === 1 ? "" : ` and ${count(both.length - 1, "other asset")}`} too, and writes its own version`,
    // What no pattern matches Git would add again.
    mend: readTracking(repository).matches(first) ? "git ballast track --modified" : `git ballast remove ${shellWord(first)}`,
  };
}
