import type { Context } from "../context.ts";
import { BallastError } from "../errors.ts";
import { commitId } from "../git/commits.ts";
import { pushTarget } from "../git/identity.ts";
import { defaultRemote } from "../git/porcelain.ts";
import type { RefUpdate } from "../git/ref-updates.ts";
import { stillHere } from "../transfer/notes.ts";
import { planAll, planPush } from "../transfer/plan-push.ts";
import { upload } from "../transfer/upload.ts";

export interface PushOptions {
  /** The Git remote whose commits need no upload; default: where `git push` would push. */
  readonly remote?: string | undefined;
  /** Branches, tags or commits; default: HEAD. */
  readonly refs: readonly string[];
  /** Every version of every asset on any ref. */
  readonly all: boolean;
  readonly dryRun: boolean;
}

export interface PushResult {
  /** What was uploaded, or with `dryRun` would be. */
  readonly objects: { oid: string; path: string; commit: string; sizeBytes: number }[];
  readonly bytes: number;
  readonly storedBytes: number;
  /** Objects of the range that the store had already. */
  readonly present: number;
  readonly notes: string[];
}

/**
 * Uploads what pushing these refs needs, without pushing them: what the pre-push hook does by itself.
 * @throws USAGE for an unknown ref; OBJECT_MISSING; what stores throw
 */
export async function push(context: Context, options: PushOptions): Promise<PushResult> {
  const { repository, signal, settings } = context;
  const remote = options.remote ?? (await defaultRemote(repository));
  const needs = options.all ? await planAll(repository, signal) : await planPush(repository, { updates: await updatesOf(context, options.refs), remote }, signal);
  const { uploaded, bytes, storedBytes, present } = await upload(context, needs, { dryRun: options.dryRun, repository: await pushTarget(repository, remote) });
  const objects = uploaded.map(({ oid, path, commit, sizeBytes }) => ({ oid, path, commit, sizeBytes }));
  return { objects, bytes, storedBytes, present, notes: needs.length > 0 ? stillHere(settings) : [] };
}

async function updatesOf({ repository, signal }: Context, refs: readonly string[]): Promise<RefUpdate[]> {
  const updates: RefUpdate[] = [];
  for (const localRef of refs.length > 0 ? refs : ["HEAD"]) {
    const localId = await commitId(repository, localRef, signal).catch((error: unknown) => {
      throw refs.length > 0 ? error : new BallastError("USAGE", "nothing to push: there is no commit yet", { hint: "git commit first", cause: error });
    });
    updates.push({ localRef, localId, remoteRef: localRef, remoteId: undefined });
  }
  return updates;
}
