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
import type { Store } from "../store/port.ts";
import { formatPath } from "../util/format.ts";

/**
 * The paths that a push changes, each with the newest commit that does. Commits that some remote has do not count.
 * @param range see pushRange()
 */
async function pathsOf({ repository, signal }: Context, range: readonly string[]): Promise<Map<string, string>> {
  const paths = new Map<string, string>();
  for await (const { path, commit } of changedPaths(repository, [...range, "--remotes"], signal)) if (!paths.has(path)) paths.set(path, commit);
  return paths;
}

/**
 * Refuses a push of changes to what somebody else holds, as the store says it now.
 * @param range the commits of the push, see pushRange()
 * @throws LOCKED naming the path, the commit and the holder; what stores throw
 */
export async function refuseLocked(context: Context, store: Store, range: readonly string[]): Promise<void> {
  const { repository, signal } = context;
  const { locks } = await refreshLocks(repository, store, Date.now(), signal);
  if (locks.length === 0) return;
  const others = ofOthers(locks, await knownOwner(repository));
  if (others.length === 0) return;
  // Only now are the commits looked at: as a rule nobody holds anything.
  const paths = await pathsOf(context, range);
  const held = amongPaths(others, paths.keys());
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
  for (const { path, lock } of amongPaths(ofOthers(seen.locks, await knownOwner(repository)), changed).slice(0, SHOWN)) {
    report({ kind: "warning", message: `${formatPath(path)} is locked by ${describeHolder(lock)} (seen ${formatTime(seen.seenMs)})`, hint: "git push will refuse this commit while that is so" });
  }
}

function ofOthers(locks: readonly Lock[], me: Owner | undefined): Lock[] {
  return locks.filter((lock) => !(lock.readable && isMine(lock, me)));
}

function amongPaths(locks: readonly Lock[], paths: Iterable<string>): { path: string; lock: Lock }[] {
  if (locks.length === 0) return [];
  const byPath = new Map(locks.map((lock) => [parseRecordKey(lock.key)!.pathHash, lock]));
  return [...paths].flatMap((path) => {
    const lock = byPath.get(hashOfPath(path));
    return lock ? [{ path, lock }] : [];
  });
}
