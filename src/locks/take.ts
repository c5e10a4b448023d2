import { BallastError } from "../errors.ts";
import { bufferSource } from "../object/source.ts";
import type { Store } from "../store/port.ts";
import { sameOwner, type Self } from "./owner.ts";
import { formatRecord, formatRecordKey, hashOfPath, type LockRecord } from "./record.ts";
import { readLock, standingAfter, type Lock, type Standing } from "./standing.ts";
import { removeOld } from "./tidy.ts";

export interface LockRequest extends Self {
  readonly path: string;
  /** This machine's clock, in milliseconds since 1970. */
  readonly nowMs: number;
  /** Made once for a run; tells its record from all others. */
  readonly nonce: string;
}

export interface Taken {
  /** `taken` now; `yours` from before; `held` by somebody else, or by nobody knows whom. */
  readonly outcome: "taken" | "yours" | "held";
  readonly lock: Lock;
}

/** Others may take and release it in between; so often is too much. */
const MOST_ROUNDS = 20;

/**
 * Takes the lock of a path, by the protocol of docs/locks.md. Safe to repeat after any failure: what was taken then is
 * `yours`.
 * @throws STORE_BUSY when others change it all the time, LOCKS_UNSUPPORTED when the store does not list what it took;
 *   what stores throw
 */
export async function takeLock(store: Store, request: LockRequest, signal?: AbortSignal): Promise<Taken> {
  const pathHash = hashOfPath(request.path);
  let created = 0;
  for (let round = 0; round < MOST_ROUNDS; round++) {
    const standing = await standingAfter(store, pathHash, created, signal);
    if (standing?.locked) {
      const taken = await judge(store, standing, request, signal);
      if (taken === undefined) continue;
      if (taken.outcome === "taken") await removeOld(store, standing, signal);
      return taken;
    }
    const number = (standing?.number ?? 0) + 1;
    // What the store answers is not asked for here: the next round sees which record counts.
    const answer = await store.write(formatRecordKey({ pathHash, number }), bufferSource(formatRecord(toRecord("lock", request))), signal);
    if (answer === "created") created = number;
  }
  throw new BallastError("STORE_BUSY", `cannot lock ${request.path}: others lock and unlock it all the time`, { hint: "try again in a moment" });
}

async function judge(store: Store, standing: Standing, { owner, nonce }: LockRequest, signal: AbortSignal | undefined): Promise<Taken | undefined> {
  const lock = await readLock(store, standing, signal);
  if (lock === undefined) return undefined;
  if (!lock.readable) return { outcome: "held", lock };
  if (lock.nonce === nonce) return { outcome: "taken", lock };
  return { outcome: sameOwner(lock.owner, owner) ? "yours" : "held", lock };
}

/** The record that a request writes. */
export function toRecord(kind: LockRecord["kind"], { path, owner, machine, nowMs, nonce }: LockRequest): LockRecord {
  return { kind, path, owner, machine, timeMs: nowMs, nonce };
}
