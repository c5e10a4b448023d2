import { comparePaths } from "../manifest/path.ts";
import { bufferSource } from "../object/source.ts";
import type { Store } from "../store/port.ts";
import { formatRecord, formatRecordKey, isLockNumber } from "./record.ts";
import { requireLocks } from "./require.ts";
import { readLock, standings } from "./standing.ts";

export interface Carried {
  /** Paths whose lock the other store has now, sorted. */
  readonly carried: string[];
  /** Keys of records that cannot be read; they stay where they are. */
  readonly unreadable: string[];
}

/**
 * Has another store know the locks of this one, each as its holder took it, the nonce included. A path that is locked there
 * stays as it is. Whoever locks or unlocks meanwhile may have to do so again in the other store.
 * @throws LOCKS_UNSUPPORTED when there are locks and the other store cannot hold any; what stores throw
 */
export async function carryLocks(source: Store, target: Store, signal: AbortSignal): Promise<Carried> {
  const standing = [...(await standings(source, signal)).values()].filter(({ locked }) => locked);
  const carried: string[] = [];
  const unreadable: string[] = [];
  if (standing.length === 0) return { carried, unreadable };
  await requireLocks(target, signal);
  const there = await standings(target, signal);
  for (const one of standing) {
    const lock = await readLock(source, one, signal);
    if (lock === undefined) continue;
    if (!lock.readable) {
      unreadable.push(lock.key);
      continue;
    }
    const highest = there.get(one.pathHash)?.number ?? 0;
    // Numbers go on from what the other store has of this path; its own lock counts there.
    if (!isLockNumber(highest)) await target.write(formatRecordKey({ pathHash: one.pathHash, number: highest + 1 }), bufferSource(formatRecord(lock)), signal);
    carried.push(lock.path);
  }
  return { carried: carried.sort(comparePaths), unreadable };
}
