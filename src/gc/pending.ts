import { isBallastError } from "../errors.ts";
import { parseKey } from "../object/name.ts";
import type { Oid } from "../object/oid.ts";
import type { Store } from "../store/port.ts";
import { formatRecordKey, MOST_RECORD_BYTES, parseRecord, parseRecordKey, REMOVAL_PREFIX, type RemovalRecord } from "./removal-record.ts";
import { LAPSE_MS } from "./terms.ts";

/** A removal record as a listing shows it. */
export interface ListedRemoval {
  readonly number: number;
  /** By the store's clock, in milliseconds. */
  readonly modifiedMs: number;
}

/** The removal records that there are, the one that counts first. */
export async function listRemovals(store: Store, signal: AbortSignal): Promise<ListedRemoval[]> {
  const records: ListedRemoval[] = [];
  for await (const { key, modifiedMs } of store.list(REMOVAL_PREFIX, signal)) {
    const number = parseRecordKey(key);
    if (number !== undefined) records.push({ number, modifiedMs });
  }
  return records.sort((a, b) => b.number - a.number);
}

/** What a removal record says; undefined when it is gone, or is none. */
export async function readRemoval(store: Store, number: number, signal: AbortSignal): Promise<RemovalRecord | undefined> {
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  try {
    for await (const chunk of store.read(formatRecordKey(number), undefined, signal)) {
      sizeBytes += chunk.length;
      if (sizeBytes > MOST_RECORD_BYTES) return undefined;
      chunks.push(Uint8Array.from(chunk));
    }
  } catch (error) {
    if (isBallastError(error, "OBJECT_MISSING")) return undefined;
    throw error;
  }
  return parseRecord(Buffer.concat(chunks));
}

/**
 * The keys of objects that somebody has asked to be removed, or may have: they may go at any moment, even if they are
 * written anew meanwhile. Of these records, those that have lapsed at `nowMs` of the store's clock say nothing any more.
 * @param options.isDone tells records of which all has come to its end
 */
export async function pendingIn(store: Store, records: readonly ListedRemoval[], options: { nowMs: number; signal: AbortSignal; isDone?: ((record: RemovalRecord) => boolean) | undefined }): Promise<Set<string>> {
  const { nowMs, signal, isDone = () => false } = options;
  const pending = new Set<string>();
  for (const { number, modifiedMs } of records) {
    const record = nowMs - modifiedMs > LAPSE_MS ? undefined : await readRemoval(store, number, signal);
    if (record && !isDone(record)) for (const key of record.pending) pending.add(key);
  }
  return pending;
}

/** The contents that these keys are objects of. */
export function contentsOf(keys: Iterable<string>): Set<Oid> {
  return new Set([...keys].map((key) => parseKey(key)!.oid));
}
