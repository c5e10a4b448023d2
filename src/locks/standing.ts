import { BallastError, isBallastError } from "../errors.ts";
import type { Entry, Store } from "../store/port.ts";
import { formatRecordKey, isLockNumber, LOCKS_PREFIX, MOST_RECORD_BYTES, parseRecord, parseRecordKey, recordPrefix, type LockRecord, type RecordKey } from "./record.ts";

/** How it stands with one path: its record with the highest number, which counts. */
export interface Standing extends RecordKey {
  /** Whether the path is locked. */
  readonly locked: boolean;
  readonly entry: Entry;
  /** The records below, which count for nothing. */
  readonly below: readonly (Entry & RecordKey)[];
}

/** A lock as somebody took it, or one whose record cannot be read. */
export type Lock =
  | (LockRecord & { readonly readable: true; readonly key: string; readonly modifiedMs: number })
  /** `why` says in a few words what is wrong. */
  | { readonly readable: false; readonly why: string; readonly key: string; readonly modifiedMs: number };

/** How it stands with every path that was ever locked, by the hash of the path; one listing. */
export async function standings(store: Store, signal?: AbortSignal): Promise<Map<string, Standing>> {
  return collect(store, LOCKS_PREFIX, signal);
}

/** How it stands with one path; undefined when it was never locked. */
export async function standingOf(store: Store, pathHash: string, signal?: AbortSignal): Promise<Standing | undefined> {
  return (await collect(store, recordPrefix(pathHash), signal)).get(pathHash);
}

/**
 * As {@link standingOf}, for whoever knows that a record of number `atLeast` was made.
 * @throws LOCKS_UNSUPPORTED when the store does not list it, nor a higher one: it cannot tell who holds a lock
 */
export async function standingAfter(store: Store, pathHash: string, atLeast: number, signal?: AbortSignal): Promise<Standing | undefined> {
  // A listing in which this machine went to sleep may have missed what came and what went meanwhile; not so a second one.
  for (let look = 0; look < 2; look++) {
    const standing = await standingOf(store, pathHash, signal);
    if ((standing?.number ?? 0) >= atLeast) return standing;
  }
  throw new BallastError("LOCKS_UNSUPPORTED", `${store.url} does not list at once what it took, so it cannot hold locks`, {
    hint: "git ballast doctor tells what the provider does; docs/locks.md has what locks need",
  });
}

async function collect(store: Store, prefix: string, signal: AbortSignal | undefined): Promise<Map<string, Standing>> {
  const records = new Map<string, (Entry & RecordKey)[]>();
  for await (const entry of store.list(prefix, signal)) {
    const key = parseRecordKey(entry.key);
    if (!key) continue;
    const others = records.get(key.pathHash);
    if (others) others.push({ ...entry, ...key });
    else records.set(key.pathHash, [{ ...entry, ...key }]);
  }
  const found = new Map<string, Standing>();
  for (const [pathHash, all] of records) {
    const [entry, ...below] = all.sort((a, b) => b.number - a.number);
    found.set(pathHash, { pathHash, number: entry!.number, locked: isLockNumber(entry!.number), entry: entry!, below });
  }
  return found;
}

/** Reads the record that counts; undefined when it is not there any more, so that another counts now. */
export async function readLock(store: Store, { pathHash, number, entry }: Pick<Standing, "pathHash" | "number" | "entry">, signal?: AbortSignal): Promise<Lock | undefined> {
  const key = formatRecordKey({ pathHash, number });
  const { modifiedMs } = entry;
  const unreadable = (why: string): Lock => ({ readable: false, why, key, modifiedMs });
  if (entry.sizeBytes > MOST_RECORD_BYTES) return unreadable("it is too large");
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  try {
    for await (const chunk of store.read(key, undefined, signal)) {
      sizeBytes += chunk.length;
      if (sizeBytes > MOST_RECORD_BYTES) return unreadable("it is too large");
      chunks.push(Uint8Array.from(chunk));
    }
  } catch (error) {
    if (isBallastError(error, "OBJECT_ARCHIVED")) return unreadable("it is archived");
    if (!isBallastError(error, "OBJECT_MISSING")) throw error;
    return undefined;
  }
  const record = parseRecord(Buffer.concat(chunks), { pathHash, number });
  return "why" in record ? unreadable(record.why) : { ...record, readable: true, key, modifiedMs };
}
