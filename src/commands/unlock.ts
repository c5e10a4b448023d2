import { randomUUID } from "node:crypto";
import type { Context } from "../context.ts";
import { BallastError } from "../errors.ts";
import { refreshLocks } from "../locks/cache.ts";
import { describeHolder } from "../locks/describe.ts";
import { whoAmI } from "../locks/owner.ts";
import { releaseLock, type Released } from "../locks/release.ts";
import { openRemoteStore } from "../store/open.ts";
import { mapParallel } from "../util/pool.ts";
import { hashContents } from "../worktree/contents.ts";
import { observe } from "../worktree/observe.ts";
import { openWorktree } from "../worktree/session.ts";
import { isRecordable } from "../worktree/states.ts";
import { writeProtect } from "../worktree/write-protection.ts";
import { formatPath } from "../util/format.ts";
import { lockablePaths } from "./lock-paths.ts";

export interface UnlockOptions {
  readonly paths: readonly string[];
  /** Also what is modified, and what somebody else holds. */
  readonly force: boolean;
}

export interface UnlockedPath {
  readonly path: string;
  /** `released` now; `free` before; `held` by somebody else, and left so. */
  readonly outcome: Released["outcome"];
  /** Whose lock it was or is, in one line; undefined for `free`. */
  readonly holder: string | undefined;
}

/**
 * Releases the locks of assets, and makes those that are unmodified and lockable read-only.
 * @throws USAGE when a path names no asset and no lock; MODIFIED for an asset with changes, without `force`; what stores
 *   throw, with what was released until then
 */
export async function unlock(context: Context, { paths, force }: UnlockOptions): Promise<{ paths: UnlockedPath[] }> {
  const { repository, settings, signal } = context;
  const self = await whoAmI(repository);
  const store = await openRemoteStore(context);
  try {
    const { locks } = await refreshLocks(repository, store, Date.now(), signal);
    const wanted = await lockablePaths(context, paths, locks.flatMap((lock) => (lock.readable ? [lock.path] : [])));
    if (!force) await refuseModified(context, wanted);
    const run = randomUUID();
    const release = (path: string, siblings: AbortSignal): Promise<Released> =>
      releaseLock(store, { ...self, path, nowMs: Date.now(), nonce: run }, { force }, siblings);
    const released = await mapParallel(wanted, settings.concurrency, release, signal);
    await refreshLocks(repository, store, Date.now(), signal);
    await writeProtect(context, wanted);
    return { paths: wanted.map((path, i) => ({ path, outcome: released[i]!.outcome, holder: released[i]!.lock && describeHolder(released[i]!.lock!) })) };
  } finally {
    store.close();
  }
}

async function refuseModified(context: Context, paths: readonly string[]): Promise<void> {
  const chosen = new Set(paths);
  const worktree = openWorktree(context.repository);
  const seen = await observe(worktree, { read: hashContents(context), candidates: paths, select: (path) => chosen.has(path) });
  await worktree.index.save();
  const changed = [...seen.values()].find(({ state }) => isRecordable(state) || state === "conflict");
  if (!changed) return;
  throw new BallastError("MODIFIED", `not unlocked: ${formatPath(changed.path)} has changes that no commit has`, {
    hint: `commit and push them first, or git ballast unlock --force ${formatPath(changed.path)}`,
  });
}
