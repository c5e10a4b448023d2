import type { Context } from "../context.ts";
import { cachedLocks, refreshLocks, type SeenLocks } from "../locks/cache.ts";
import { describeHolder } from "../locks/describe.ts";
import { isMine, knownOwner } from "../locks/owner.ts";
import { hashOfPath, parseRecordKey, type Owner } from "../locks/record.ts";
import { comparePaths } from "../manifest/path.ts";
import { openRemoteStore, requireStore } from "../store/open.ts";
import { openWorktree } from "../worktree/session.ts";

export interface LocksOptions {
  /** Only those of this user. */
  readonly mine: boolean;
  /** As last seen, without asking the store. */
  readonly cached: boolean;
}

export interface ListedLock {
  /** Undefined where the record does not tell, and the path is no asset here. */
  readonly path: string | undefined;
  readonly owner: Owner | undefined;
  readonly machine: string | undefined;
  /** By the store's clock, in ISO 8601. */
  readonly since: string;
  readonly mine: boolean;
  /** The record's key in the store. */
  readonly key: string;
  /** Why the record cannot be read, where it cannot. */
  readonly unreadable?: string;
  /** In one line: who, on which machine, since when. */
  readonly holder: string;
}

/** The locks that the store holds, by path; those whose path is not known come last. @throws what stores throw */
export async function locks(context: Context, { mine, cached }: LocksOptions): Promise<ListedLock[]> {
  const { repository, settings } = context;
  const seen = cached ? (cachedLocks(repository, requireStore(settings)) ?? { locks: [] }) : await refresh(context);
  const me = seen.locks.length > 0 ? await knownOwner(repository) : undefined;
  // A record that cannot be read still has the hash of its path.
  const assets = seen.locks.some(({ readable }) => !readable) ? new Map([...openWorktree(repository).manifest.keys()].map((path) => [hashOfPath(path), path])) : undefined;
  const listed = seen.locks.map((lock): ListedLock => {
    const common = { key: lock.key, since: new Date(lock.modifiedMs).toISOString(), holder: describeHolder(lock) };
    if (!lock.readable) return { path: assets?.get(parseRecordKey(lock.key)!.pathHash), owner: undefined, machine: undefined, mine: false, unreadable: lock.why, ...common };
    return { path: lock.path, owner: lock.owner, machine: lock.machine, mine: isMine(lock, me), ...common };
  });
  return listed.filter((lock) => lock.mine || !mine).sort((a, b) => order(a.path, b.path));
}

async function refresh(context: Context): Promise<SeenLocks> {
  const store = await openRemoteStore(context);
  try {
    return await refreshLocks(context.repository, store, Date.now(), context.signal);
  } finally {
    store.close();
  }
}

function order(a: string | undefined, b: string | undefined): number {
  if (a === undefined || b === undefined) return (a === undefined ? 1 : 0) - (b === undefined ? 1 : 0);
  return comparePaths(a, b);
}
