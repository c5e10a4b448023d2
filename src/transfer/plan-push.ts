import type { RefUpdate } from "../git/pre-push.ts";
import { at, type Repository } from "../git/repository.ts";
import { runGit } from "../git/run.ts";
import { addedAssets } from "../manifest/versions.ts";
import type { Oid } from "../object/oid.ts";

/** An object that a store must hold, with one place that asks for it, for messages. */
export interface Need {
  readonly oid: Oid;
  readonly sizeBytes: number;
  readonly path: string;
  /** The full id of the newest commit of the range that put it there. */
  readonly commit: string;
}

export interface PushPlan {
  /** Refs that get a new value; deletions do not count. */
  readonly updates: readonly RefUpdate[];
  /** The remote's name, or undefined when it is given by URL alone. */
  readonly remote: string | undefined;
}

/**
 * Every object that the pushed commits name and that the remote's commits do not: of each commit in the range, not of
 * its tips alone, and each object once. What the remote has is known from the values of its refs that Git was just
 * told, and from the remote-tracking refs.
 * @throws MANIFEST_INVALID, PATH_REFUSED naming the commit
 */
export async function planPush(repository: Repository, plan: PushPlan, signal?: AbortSignal): Promise<Need[]> {
  const range = await pushRange(repository, plan, signal);
  return range === undefined ? [] : needsOf(repository, range, signal);
}

/** Every object that any commit on any ref names. @throws MANIFEST_INVALID, PATH_REFUSED naming the commit */
export function planAll(repository: Repository, signal?: AbortSignal): Promise<Need[]> {
  return needsOf(repository, ["--all"], signal);
}

/** Every object that the commits of `range` (arguments of `git log`) add, each once, newest commit first. */
export async function needsOf(repository: Repository, range: readonly string[], signal?: AbortSignal): Promise<Need[]> {
  const needs = new Map<Oid, Need>();
  for await (const { oid, sizeBytes, path, commit } of addedAssets(repository, range, signal)) {
    if (!needs.has(oid)) needs.set(oid, { oid, sizeBytes, path, commit });
  }
  return [...needs.values()];
}

/** The commits of a push as arguments of `git log`, or undefined when there can be none. */
async function pushRange(repository: Repository, { updates, remote }: PushPlan, signal?: AbortSignal): Promise<string[] | undefined> {
  const commits = await commitsAmong(
    repository,
    updates.flatMap(({ localId, remoteId }) => (localId === undefined ? [] : [localId, remoteId])),
    signal,
  );
  const known = (ids: (string | undefined)[]): string[] => [...new Set(ids)].filter((id) => id !== undefined && commits.has(id)) as string[];
  // A value that the remote has and this repository does not (never fetched, forced over) excludes nothing.
  const have = known(updates.map(({ remoteId }) => remoteId));
  const tips = known(updates.map(({ localId }) => localId)).filter((id) => !have.includes(id));
  if (tips.length === 0) return undefined;
  return [...tips, "--not", ...have, ...(remote ? [`--remotes=${remote}`] : [])];
}

/** Those of `ids` that exist here and are commits, or tags of commits. */
async function commitsAmong(repository: Repository, ids: readonly (string | undefined)[], signal?: AbortSignal): Promise<Set<string>> {
  const unique = [...new Set(ids)].filter((id) => id !== undefined);
  if (unique.length === 0) return new Set();
  const input = unique.map((id) => `${id}^{commit}\n`).join("");
  const { stdout } = await runGit(["cat-file", "--batch-check=%(objecttype)"], at(repository, { input, ...(signal ? { signal } : {}) }));
  const answers = stdout.toString().split("\n");
  return new Set(unique.filter((_, i) => answers[i] === "commit"));
}
