import type { Context } from "../context.ts";
import { commitIds } from "../git/commits.ts";
import { remotes } from "../git/porcelain.ts";
import { download } from "../transfer/download.ts";
import { localStore } from "../transfer/local.ts";
import { planAll, type Need } from "../transfer/plan-push.ts";
import { needsAt } from "../transfer/revisions.ts";
import { choiceMatcher } from "../worktree/profile.ts";
import { lookAtLocks } from "./verify-locks.ts";

export interface FetchOptions {
  /** A Git remote: `refs` are then its branches, where it has one of that name. */
  readonly remote?: string | undefined;
  /** Branches, tags or commits; default: HEAD. */
  readonly refs: readonly string[];
  /** Every version of every asset on any ref. */
  readonly all: boolean;
  readonly dryRun: boolean;
}

export interface FetchResult {
  /** Objects that were downloaded, or with `dryRun` would be; their logical bytes; their bytes on the wire. */
  readonly objects: number;
  readonly bytes: number;
  readonly storedBytes: number;
  /** Objects that the local store, or the shared cache, had already. */
  readonly present: number;
  readonly missing: { path: string; commit: string; oid: string }[];
  readonly archived: { path: string; commit: string; oid: string }[];
  readonly notes: string[];
}

/**
 * Downloads into the local store what the manifests of these refs name and it lacks; the worktree stays as it is.
 * Without `all`, only assets that `fetch.include` and `fetch.exclude` want.
 * Objects that the store does not have are returned as `missing`.
 * @throws USAGE for an unknown ref; what stores throw, after everything else has been downloaded
 */
export async function fetch(context: Context, options: FetchOptions): Promise<FetchResult> {
  const { repository, settings, signal } = context;
  const needs = options.all ? await planAll(repository, signal) : await needsAt(repository, await revisionsOf(context, options), signal, choiceMatcher(settings.fetch));
  if (!options.dryRun) await lookAtLocks(context);
  const local = await (await localStore(context)).find(needs.map(({ oid }) => oid), signal);
  const absent = needs.filter(({ oid }) => !local.has(oid));
  const result = { objects: absent.length, bytes: absent.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0), storedBytes: 0, present: local.size };
  if (options.dryRun || absent.length === 0) return { ...result, missing: [], archived: [], notes: [] };
  const { objects, bytes, storedBytes, cached, missing, archived, failure } = await download(context, absent);
  if (failure) throw failure;
  const byOid = new Map<string, Need>(absent.map((need) => [need.oid, need]));
  const place = ({ oid }: { oid: string }): FetchResult["missing"][number] => ({ path: byOid.get(oid)!.path, commit: byOid.get(oid)!.commit, oid });
  return { objects, bytes, storedBytes, present: local.size + cached, missing: missing.map(place), archived: archived.map(place), notes: [] };
}

async function revisionsOf({ repository, signal }: Context, { remote, refs }: FetchOptions): Promise<readonly string[]> {
  // `fetch main`: what stands in the place of a remote may as well be a ref.
  if (remote !== undefined && !(await remotes(repository)).includes(remote)) return [remote, ...refs];
  if (refs.length === 0) return ["HEAD"];
  if (remote === undefined) return refs;
  const theirs = refs.map((ref) => `refs/remotes/${remote}/${ref}`);
  const found = await commitIds(repository, theirs, signal);
  return refs.map((ref, i) => (found[i] === undefined ? ref : theirs[i]!));
}
