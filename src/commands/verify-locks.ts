import type { Context } from "../context.ts";
import { BallastError, isBallastError } from "../errors.ts";
import { cachedLocks, refreshLocks } from "../locks/cache.ts";
import { describeHolder, formatTime } from "../locks/describe.ts";
import { isMine, knownOwner } from "../locks/owner.ts";
import { hashOfPath, parseRecordKey, type Owner } from "../locks/record.ts";
import type { Lock } from "../locks/standing.ts";
import { changedPaths } from "../manifest/changed-paths.ts";
import { sameAsset, type Asset, type Manifest } from "../manifest/manifest.ts";
import { manifestAt } from "../manifest/versions.ts";
import { openRemoteStore, requireStore } from "../store/open.ts";
import { pushRange, type PushPlan } from "../transfer/plan-push.ts";
import { formatPath } from "../util/format.ts";

/** The paths that a push changes, each with the newest commit that does. Commits that some remote has do not count. */
export async function pathsOfPush({ repository, signal }: Context, plan: PushPlan): Promise<Map<string, string>> {
  const range = await pushRange(repository, plan, signal);
  const paths = new Map<string, string>();
  if (range === undefined) return paths;
  for await (const { path, commit } of changedPaths(repository, [...range, "--remotes"], signal)) if (!paths.has(path)) paths.set(path, commit);
  return paths;
}

/**
 * Refuses a push of changes to what somebody else holds, as the store says it now. Without such paths no store is asked.
 * @param paths what the push changes, with the commit that does
 * @throws LOCKED naming the path, the commit and the holder; what stores throw
 */
export async function refuseLocked(context: Context, paths: ReadonlyMap<string, string>): Promise<void> {
  const { repository, signal } = context;
  if (paths.size === 0) return;
  const store = await openRemoteStore(context);
  let locks: readonly Lock[];
  try {
    ({ locks } = await refreshLocks(repository, store, Date.now(), signal));
  } finally {
    store.close();
  }
  if (locks.length === 0) return;
  const held = heldByOthers(locks, paths.keys(), await knownOwner(repository));
  const [first] = held;
  if (!first) return;
  const lines = held.slice(0, SHOWN).map(({ path, lock }) => `${formatPath(path)} (changed by commit ${paths.get(path)!.slice(0, 12)}) is locked by ${describeHolder(lock)}`);
  if (held.length > SHOWN) lines.push(`and ${held.length - SHOWN} more`);
  throw new BallastError("LOCKED", `not pushed: ${lines.join("\n  ")}`, {
    hint: `ask them to run git ballast unlock ${formatPath(first.path)}; git ballast locks shows all`,
  });
}

const SHOWN = 5;

/** Remembers who holds what now, for the next commit. What keeps the store from telling is no failure: it will show elsewhere. */
export async function lookAtLocks(context: Context): Promise<void> {
  if (!context.settings.locksVerify) return;
  try {
    const store = await openRemoteStore(context);
    try {
      await refreshLocks(context.repository, store, Date.now(), context.signal);
    } finally {
      store.close();
    }
  } catch (error) {
    context.signal.throwIfAborted();
    if (!isBallastError(error)) throw error;
  }
}

/** Warns when a commit changes what somebody else holds, as far as was last seen. Asks no store. */
export async function warnOfLocks(context: Context, staged: Manifest): Promise<void> {
  const { repository, settings, report } = context;
  if (!settings.locksVerify || settings.storeUrl === undefined) return;
  const seen = cachedLocks(repository, requireStore(settings));
  if (!seen || seen.locks.length === 0) return;
  const head = (await manifestAt(repository, "HEAD")) ?? new Map<string, Asset>();
  const merged = await manifestAt(repository, "MERGE_HEAD");
  const parents = merged ? [head, merged] : [head];
  const all = new Set([...staged.keys(), ...parents.flatMap((parent) => [...parent.keys()])]);
  const changed = [...all].filter((path) => parents.every((parent) => !sameAsset(parent.get(path), staged.get(path))));
  for (const { path, lock } of heldByOthers(seen.locks, changed, await knownOwner(repository)).slice(0, SHOWN)) {
    report({ kind: "warning", message: `${formatPath(path)} is locked by ${describeHolder(lock)} (seen ${formatTime(seen.seenMs)})`, hint: "git push will refuse this commit while that is so" });
  }
}

function heldByOthers(locks: readonly Lock[], paths: Iterable<string>, me: Owner | undefined): { path: string; lock: Lock }[] {
  const others = new Map(locks.filter((lock) => !(lock.readable && isMine(lock, me))).map((lock) => [parseRecordKey(lock.key)!.pathHash, lock]));
  if (others.size === 0) return [];
  return [...paths].flatMap((path) => {
    const lock = others.get(hashOfPath(path));
    return lock ? [{ path, lock }] : [];
  });
}
