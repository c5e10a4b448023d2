import { BallastError } from "../errors.ts";
import { contentsOf, listRemovals, pendingIn, readRemoval, type ListedRemoval } from "../gc/pending.ts";
import { formatRecordKey } from "../gc/removal-record.ts";
import { LAPSE_MS } from "../gc/terms.ts";
import type { Oid } from "../object/oid.ts";
import type { Store } from "../store/port.ts";
import { catalogueOf, easiestWays } from "./chains.ts";
import { HeldRemoval, type Removal, type RemovalOptions } from "./held-removal.ts";

export type { Removal, RemovalOptions };

/** Whoever has not written a record for so long, by the store's clock, is taken for dead. */
const STALE_MS = 30 * 60 * 1000;
const MOST_ROUNDS = 5;
/** Files that tell the store's time to whoever writes them. */
const CLOCK_PREFIX = "gc/clock.";

/**
 * Takes the right to remove objects, by the protocol of docs/repack.md, and finishes what a dead run left.
 * @throws LOCKED while somebody else has it; what the store throws
 */
export async function takeRemoval(store: Store, options: RemovalOptions): Promise<Removal> {
  const { signal } = options;
  for (let round = 0; round < MOST_ROUNDS; round++) {
    const [highest] = await listRemovals(store, signal);
    if (highest) await requireFree(store, highest, options);
    const held = await HeldRemoval.take(store, (highest?.number ?? 0) + 1, options);
    if (held === undefined) continue;
    await finishOthers(store, held, options);
    return held;
  }
  throw new BallastError("STORE_BUSY", `others remove objects from ${store.url} all the time`, { hint: "try again in a moment" });
}

/** @throws LOCKED */
async function requireFree(store: Store, { number, modifiedMs }: ListedRemoval, { host, isAlive, nonce, signal }: RemovalOptions): Promise<void> {
  const record = await readRemoval(store, number, signal);
  if (record?.released) return;
  if (record && record.host === host && !isAlive(record.pid)) return;
  const nowMs = await clockOf(store, nonce, signal);
  if (nowMs - modifiedMs > STALE_MS) return;
  const who = record ? `git ballast ${record.what} on ${record.host} (process ${record.pid})` : "somebody";
  const key = formatRecordKey(number);
  throw new BallastError("LOCKED", `${who} is removing objects from ${store.url}`, {
    hint: `wait for it to end; a run that died is passed over after ${STALE_MS / 60_000} minutes (its record is ${key})`,
  });
}

/** The store's own clock, by a file that is written and looked at. */
async function clockOf(store: Store, nonce: string, signal: AbortSignal): Promise<number> {
  const key = `${CLOCK_PREFIX}${nonce}.json`;
  await store.replace(key, Buffer.from("{}\n"), signal);
  try {
    for await (const entry of store.list(key, signal)) return entry.modifiedMs;
    // Whoever has just taken over tidied it away.
    return 0;
  } finally {
    await store.remove(key, signal);
  }
}

/**
 * Learns what others have left pending, and removes it where nothing needs it. Their records stay for as long as what they
 * asked for may still have its effect.
 */
async function finishOthers(store: Store, held: HeldRemoval, { signal }: RemovalOptions): Promise<void> {
  const records = await listRemovals(store, signal);
  const nowMs = records.find(({ number }) => number === held.number)?.modifiedMs ?? 0;
  const others = records.filter(({ number }) => number < held.number);
  held.inherit(await pendingIn(store, others, { nowMs, signal }));
  if (held.pending.size > 0) {
    const spare = await decodableWithout(store, held.pending, signal);
    const there = await store.find(spare, signal);
    await held.remove([...there.values()].flat().map(({ key }) => key).filter((key) => held.pending.has(key)));
  }
  for (const { number, modifiedMs } of others) if (nowMs - modifiedMs > LAPSE_MS || (await saysNothing(store, number, signal))) await store.remove(formatRecordKey(number), signal);
  for await (const { key } of store.list(CLOCK_PREFIX, signal)) await store.remove(key, signal);
}

async function saysNothing(store: Store, number: number, signal: AbortSignal): Promise<boolean> {
  return (await readRemoval(store, number, signal))?.pending.length === 0;
}

/** Of the oids of these keys, those that the store can decode without any of the keys. */
export async function decodableWithout(store: Store, keys: ReadonlySet<string>, signal: AbortSignal): Promise<Set<Oid>> {
  const oids = contentsOf(keys);
  const catalogue = await catalogueOf(store, oids, signal);
  const rest = new Map([...catalogue].map(([oid, objects]) => [oid, objects.filter(({ key }) => !keys.has(key))]));
  const ways = easiestWays([rest], { archived: true });
  return new Set([...oids].filter((oid) => ways.has(oid)));
}
