import { BallastError } from "../errors.ts";
import { bufferSource } from "../object/source.ts";
import type { Store } from "../store/port.ts";
import { sameOwner } from "./owner.ts";
import { formatRecord, formatRecordKey, hashOfPath } from "./record.ts";
import { readLock, standingAfter, standingOf, type Lock } from "./standing.ts";
import { toRecord, type LockRequest } from "./take.ts";
import { removeOld } from "./tidy.ts";

export interface Released {
  /** `released` now, by whomever; `free` before; `held` by somebody else, and left so. */
  readonly outcome: "released" | "free" | "held";
  /** The lock that was released, or is held. */
  readonly lock: Lock | undefined;
}

/** Reading the record that counts, others may replace it so often. */
const MOST_ROUNDS = 20;

/**
 * Releases the lock of a path: the very lock that was looked at, never one that somebody took since (docs/locks.md).
 * @param force also what somebody else holds, or a record that cannot be read
 * @throws STORE_BUSY, LOCKS_UNSUPPORTED as {@link takeLock}; what stores throw
 */
export async function releaseLock(store: Store, request: LockRequest, { force }: { force: boolean }, signal?: AbortSignal): Promise<Released> {
  const pathHash = hashOfPath(request.path);
  for (let round = 0; round < MOST_ROUNDS; round++) {
    const standing = await standingOf(store, pathHash, signal);
    if (!standing?.locked) return { outcome: "free", lock: undefined };
    const lock = await readLock(store, standing, signal);
    if (lock === undefined) continue;
    if (!force && !(lock.readable && sameOwner(lock.owner, request.owner))) return { outcome: "held", lock };
    const number = standing.number + 1;
    // Created or there already: this lock is over, and no other was touched.
    await store.write(formatRecordKey({ pathHash, number }), bufferSource(formatRecord(toRecord("unlock", request))), signal);
    const now = await standingAfter(store, pathHash, number, signal);
    await removeOld(store, now!, signal);
    return { outcome: "released", lock };
  }
  throw new BallastError("STORE_BUSY", `cannot unlock ${request.path}: others lock and unlock it all the time`, { hint: "try again in a moment" });
}
