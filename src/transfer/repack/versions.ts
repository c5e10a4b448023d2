import type { Repository } from "../../git/repository.ts";
import { addedAssets } from "../../manifest/versions.ts";
import type { Oid } from "../../object/oid.ts";
import type { Wanted } from "../wanted.ts";

/** A content with its place in history. */
export interface Version extends Wanted {
  /** The content that the same path had before; it comes earlier among the versions. */
  readonly previous: Oid | undefined;
}

/**
 * Every content that a commit on any ref gives to a path that `select` takes, each once, oldest commit first and by path within one. An asset
 * that was renamed, or got an old content back, goes on from there.
 * @throws MANIFEST_INVALID, PATH_REFUSED naming the commit
 */
export async function versionsOf(repository: Repository, select: (path: string) => boolean, signal?: AbortSignal): Promise<Version[]> {
  const commits: Wanted[][] = [];
  for await (const { oid, path, sizeBytes, commit } of addedAssets(repository, ["--all"], signal)) {
    if (commits.at(-1)?.[0]?.commit !== commit) commits.push([]);
    commits.at(-1)!.push({ oid, path, sizeBytes, commit });
  }
  return inOrder(commits.reverse().flat(), select);
}

/** @param added oldest first */
export function inOrder(added: readonly Wanted[], select: (path: string) => boolean): Version[] {
  const last = new Map<string, Oid>();
  const seen = new Set<Oid>();
  const versions: Version[] = [];
  for (const { oid, path, sizeBytes, commit } of added) {
    if (!select(path)) continue;
    const previous = last.get(path);
    last.set(path, oid);
    if (seen.has(oid)) continue;
    seen.add(oid);
    // Not as a copy of what was added, which would have room to grow.
    versions.push(commit === undefined ? { oid, path, sizeBytes, previous } : { oid, path, sizeBytes, commit, previous });
  }
  return versions;
}
