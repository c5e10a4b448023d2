import { commitIds } from "../git/commits.ts";
import type { RefUpdate } from "../git/ref-updates.ts";
import { at, MANIFEST_PATH, type Repository } from "../git/repository.ts";
import { gitText } from "../git/run.ts";
import { addedAssets } from "../manifest/versions.ts";
import type { Oid } from "../object/oid.ts";
import type { Wanted } from "./wanted.ts";

/** An object that commits name, with one place that asks for it, for messages. */
export interface Need extends Wanted {
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
export async function pushRange(repository: Repository, { updates, remote }: PushPlan, signal?: AbortSignal): Promise<string[] | undefined> {
  const published = updates.filter(({ localId }) => localId !== undefined);
  const ids = published.flatMap(({ localId, remoteId }) => [localId, remoteId]).filter((id) => id !== undefined);
  const unique = [...new Set(ids)];
  const commits = await commitIds(repository, unique, signal);
  const commitOf = new Map(unique.map((id, i) => [id, commits[i]]));
  const among = (wanted: readonly (string | undefined)[]): Set<string> => new Set(wanted.flatMap((id) => commitOf.get(id ?? "") ?? []));
  // A value that the remote has and this repository does not (never fetched, forced over) excludes nothing.
  const have = among(published.map(({ remoteId }) => remoteId));
  const fresh = [...among(published.map(({ localId }) => localId))].filter((id) => !have.has(id));
  if (fresh.length === 0) return undefined;
  return [...fresh, "--not", ...have, ...(remote ? [`--remotes=${remote}`] : [])];
}

/** Whether any commit of `range` changes the manifest, be it that it only removes from it. */
export async function changesManifest(repository: Repository, range: readonly string[], signal?: AbortSignal): Promise<boolean> {
  const args = ["--no-replace-objects", "rev-list", "--max-count=1", "--full-history", ...range, "--", MANIFEST_PATH];
  return (await gitText(args, at(repository, signal ? { signal } : {}))) !== "";
}
