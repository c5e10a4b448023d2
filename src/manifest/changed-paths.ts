import { bringVersions } from "../git/partial.ts";
import { MANIFEST_PATH, at, type Repository } from "../git/repository.ts";
import { streamGit } from "../git/run.ts";
import { parseLine } from "./manifest.ts";
import { lines } from "./versions.ts";

/** A path whose asset a commit adds, changes, renames away or removes. */
export interface ChangedPath {
  readonly path: string;
  /** The full id of the commit. */
  readonly commit: string;
}

/**
 * The paths that each commit of `range` changes, newest commit first. A merge changes what differs from all of its
 * parents: what it takes from one of them is that one's change. One Git process, however many commits.
 * @param range arguments of `git log` that select commits
 * @throws MANIFEST_INVALID, PATH_REFUSED naming the commit
 */
export async function* changedPaths(repository: Repository, range: readonly string[], signal?: AbortSignal): AsyncGenerator<ChangedPath> {
  await bringVersions(repository, range, MANIFEST_PATH, signal);
  const args = ["--no-replace-objects", "-c", "log.showRoot=true", "log", "-c", "-p", "-U0", "--text", "--no-color", "--no-renames", "--no-textconv", "--no-ext-diff",
    "--no-show-signature", "--format=commit %H", "--full-history", ...range, "--", MANIFEST_PATH];
  let commit = "";
  let parents = 1;
  /** For each path, the parents that it differs from. */
  let differs = new Map<string, Set<number>>();
  function* finish(): Generator<ChangedPath> {
    for (const [path, from] of differs) if (from.size === parents) yield { path, commit };
    differs = new Map();
  }
  for await (const line of lines(streamGit(args, at(repository, signal ? { signal } : {})))) {
    if (line.startsWith("commit ")) {
      yield* finish();
      commit = line.slice(7);
      parents = 1;
      continue;
    }
    // A diff against n parents has hunks that begin with n + 1 times @, and n columns of marks.
    const hunk = /^(@@+) /.exec(line)?.[1];
    if (hunk !== undefined) parents = hunk.length - 1;
    const marks = /^[ +-]+(?=\{"path":)/.exec(line)?.[0];
    if (marks === undefined || marks.length !== parents) continue;
    const { path } = parseLine(line.slice(parents), `${commit.slice(0, 12)}:${MANIFEST_PATH}`, 0);
    const from = differs.get(path) ?? new Set();
    for (let i = 0; i < parents; i++) if (marks[i] !== " ") from.add(i);
    differs.set(path, from);
  }
  yield* finish();
}
