/*
 * The locks as they were last seen, for whoever must not wait for the network: `.git/ballast/locks.json`
 *
 *   {"ballast":"locks","version":1,"store":"s3://…","seen":"<time>","locks":{"<key>":{"modifiedMs":…,"record":{…}}}}
 *
 * A lost or damaged cache costs a read of each lock.
 */
import { existsSync, readFileSync } from "node:fs";
import { sharedState, type Repository } from "../git/repository.ts";
import type { Store } from "../store/port.ts";
import { mapParallel } from "../util/pool.ts";
import { writeAtomically } from "../util/write-atomically.ts";
import { formatRecord, parseRecord, parseRecordKey } from "./record.ts";
import { readLock, standings, type Lock, type Standing } from "./standing.ts";

export interface SeenLocks {
  /** When the store was asked, by this machine's clock, in milliseconds since 1970. */
  readonly seenMs: number;
  /** In the order of their keys. */
  readonly locks: readonly Lock[];
}

/** Locks that are read at a time; they are small. */
const CONCURRENCY = 16;

/**
 * The locks that the store holds now: one listing, and one read for each lock that was not seen before. Keeps them for
 * {@link cachedLocks}.
 * @throws what stores throw
 */
export async function refreshLocks(repository: Repository, store: Store, nowMs: number, signal?: AbortSignal): Promise<SeenLocks> {
  const known = new Map((cachedLocks(repository, store.url)?.locks ?? []).map((lock) => [lock.key, lock]));
  const standing = [...(await standings(store, signal)).values()].filter(({ locked }) => locked);
  const read = async (one: Standing, siblings: AbortSignal): Promise<Lock | undefined> => {
    const seen = known.get(one.entry.key);
    return seen?.modifiedMs === one.entry.modifiedMs ? seen : readLock(store, one, siblings);
  };
  const locks = (await mapParallel(standing, CONCURRENCY, read, signal)).filter((lock) => lock !== undefined);
  const result = { seenMs: nowMs, locks: locks.sort((a, b) => (a.key < b.key ? -1 : 1)) };
  if (locks.length > 0 || existsSync(cacheFile(repository))) writeAtomically(cacheFile(repository), format(store.url, result));
  return result;
}

/** The locks of this store as they were last seen; undefined when they never were. Needs no network. */
export function cachedLocks(repository: Repository, storeUrl: string): SeenLocks | undefined {
  const file = cacheFile(repository);
  if (!existsSync(file)) return undefined;
  try {
    return parse(readFileSync(file, "utf8"), storeUrl);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function cacheFile(repository: Repository): string {
  return sharedState(repository, "locks.json");
}

function format(store: string, { seenMs, locks }: SeenLocks): string {
  const entries = locks.map((lock) => [
    lock.key,
    { modifiedMs: lock.modifiedMs, ...(lock.readable ? { record: formatRecord(lock).toString() } : { why: lock.why }) },
  ]);
  return `${JSON.stringify({ ballast: "locks", version: 1, store, seen: new Date(seenMs).toISOString(), locks: Object.fromEntries(entries) }, null, 1)}\n`;
}

function parse(text: string, storeUrl: string): SeenLocks | undefined {
  const { ballast, version, store, seen, locks } = toObject(JSON.parse(text));
  const seenMs = Date.parse(String(seen));
  if (ballast !== "locks" || version !== 1 || store !== storeUrl || Number.isNaN(seenMs)) return undefined;
  const found: Lock[] = [];
  for (const [key, entry] of Object.entries(toObject(locks))) {
    const place = parseRecordKey(key);
    const { modifiedMs, record, why } = toObject(entry);
    if (!place || typeof modifiedMs !== "number") continue;
    const parsed = typeof record === "string" ? parseRecord(Buffer.from(record), place) : { why: String(why) };
    found.push("why" in parsed ? { readable: false, why: parsed.why, key, modifiedMs } : { ...parsed, readable: true, key, modifiedMs });
  }
  return { seenMs, locks: found };
}

function toObject(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}
