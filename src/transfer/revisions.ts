import { commitId } from "../git/commits.ts";
import type { Repository } from "../git/repository.ts";
import { manifestAt } from "../manifest/versions.ts";
import type { Need } from "./plan-push.ts";
import type { Oid } from "../object/oid.ts";

/**
 * Every object that the manifests of these revisions name, each once.
 * @param select narrows the paths that count
 * @throws USAGE for a name that stands for no commit; MANIFEST_INVALID, MANIFEST_VERSION, PATH_REFUSED
 */
export async function needsAt(repository: Repository, revisions: readonly string[], signal?: AbortSignal, select: (path: string) => boolean = () => true): Promise<Need[]> {
  const needs = new Map<Oid, Need>();
  for (const revision of revisions) {
    const commit = await commitId(repository, revision, signal);
    for (const { oid, sizeBytes, path } of (await manifestAt(repository, commit))?.values() ?? []) {
      if (!needs.has(oid) && select(path)) needs.set(oid, { oid, sizeBytes, path, commit });
    }
  }
  return [...needs.values()];
}
