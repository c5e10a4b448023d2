import { randomUUID } from "node:crypto";
import type { Context } from "../context.ts";
import { refreshLocks } from "../locks/cache.ts";
import { describeHolder } from "../locks/describe.ts";
import { whoAmI } from "../locks/owner.ts";
import { requireLocks } from "../locks/require.ts";
import { takeLock, type Taken } from "../locks/take.ts";
import { openRemoteStore } from "../store/open.ts";
import { mapParallel } from "../util/pool.ts";
import { writeProtect } from "../worktree/write-protection.ts";
import { lockablePaths } from "./lock-paths.ts";

export interface LockedPath {
  readonly path: string;
  /** `taken` now; `yours` from before; `held` by somebody else. */
  readonly outcome: Taken["outcome"];
  /** Who holds it, on which machine and since when, in one line. */
  readonly holder: string;
}

export interface LockResult {
  /** In the order of their paths. */
  readonly paths: LockedPath[];
  readonly notes: string[];
}

/**
 * Takes the locks of assets, and makes those that are held by this user writable. Repeating it is harmless.
 * @throws USAGE when a path is no asset; LOCKS_UNSUPPORTED; what stores throw, with what was taken until then kept
 */
export async function lock(context: Context, { paths }: { paths: readonly string[] }): Promise<LockResult> {
  const { repository, settings, signal } = context;
  const wanted = await lockablePaths(context, paths);
  const self = await whoAmI(repository);
  const store = await openRemoteStore(context);
  try {
    await requireLocks(store, signal);
    const run = randomUUID();
    const take = (path: string, siblings: AbortSignal): Promise<Taken> => takeLock(store, { ...self, path, nowMs: Date.now(), nonce: run }, siblings);
    const taken = await mapParallel(wanted, settings.concurrency, take, signal);
    await refreshLocks(repository, store, Date.now(), signal);
    const mine = wanted.filter((_, i) => taken[i]!.outcome !== "held");
    await writeProtect(context, mine);
    return { paths: wanted.map((path, i) => ({ path, outcome: taken[i]!.outcome, holder: describeHolder(taken[i]!.lock) })), notes: [] };
  } finally {
    store.close();
  }
}
