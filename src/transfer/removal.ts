import { BallastError, isBallastError } from "../errors.ts";
import { parseKey } from "../object/name.ts";
import type { Oid } from "../object/oid.ts";
import { bufferSource } from "../object/source.ts";
import type { Store } from "../store/port.ts";
import { forEachParallel } from "../util/pool.ts";
import { catalogueOf, easiestWays } from "./chains.ts";
import { formatRecord, formatRecordKey, MOST_PENDING, MOST_RECORD_BYTES, parseRecord, parseRecordKey, REMOVAL_PREFIX, type RemovalRecord, type Remover } from "./removal-record.ts";

/** Whoever has not touched their record for so long, by the store's clock, is taken for dead. */
const STALE_MS = 30 * 60 * 1000;
const RENEW_MS = 5 * 60 * 1000;
const MOST_ROUNDS = 5;
/** Files that tell the store's time to whoever writes them. */
const CLOCK_PREFIX = "gc/clock.";

export interface RemovalOptions extends Remover {
  /** Whether a process of this machine runs. */
  readonly isAlive: (pid: number) => boolean;
  /** This machine's clock, in milliseconds; says when it is time to show that one is alive. */
  readonly nowMs: () => number;
  readonly concurrency: number;
  readonly signal: AbortSignal;
}

/** The right to remove objects from a store; one run has it at a time. */
export interface Removal {
  /**
   * Removes objects of which each oid can be decoded without, or that nothing needs any more: the caller has checked
   * that after it got this right, by asking the store.
   * @throws LOCKED when somebody else has taken over; then nothing was removed
   */
  remove(keys: readonly string[]): Promise<void>;
  /** Tells now and then that this run is alive. @throws LOCKED when somebody else has taken over */
  renewIfDue(): Promise<void>;
  /** Gives the right back, if this run still has it. */
  release(): Promise<void>;
}

/**
 * Takes the right to remove objects, by the protocol of docs/repack.md, and finishes what a dead run left.
 * @throws LOCKED while somebody else has it; what the store throws
 */
export async function takeRemoval(store: Store, options: RemovalOptions): Promise<Removal> {
  const { signal } = options;
  for (let round = 0; round < MOST_ROUNDS; round++) {
    const [highest] = await recordsOf(store, signal);
    if (highest) await requireFree(store, highest, options);
    const number = (highest?.number ?? 0) + 1;
    const mine: RemovalRecord = { nonce: options.nonce, host: options.host, pid: options.pid, what: options.what, released: false, pending: [] };
    await store.write(formatRecordKey(number), bufferSource(formatRecord(mine)), signal);
    // What the store answers may be about an earlier try of ours: the record itself tells.
    if ((await readRecord(store, number, signal))?.nonce !== options.nonce) continue;
    const held = new Held(store, number, mine, options);
    await held.requireMine();
    await finishOthers(store, number, options);
    return held;
  }
  throw new BallastError("STORE_BUSY", `others remove objects from ${store.url} all the time`, { hint: "try again in a moment" });
}

/** How many records there are and what each of them says, the one that counts first. */
async function recordsOf(store: Store, signal: AbortSignal): Promise<{ number: number; modifiedMs: number }[]> {
  const records: { number: number; modifiedMs: number }[] = [];
  for await (const { key, modifiedMs } of store.list(REMOVAL_PREFIX, signal)) {
    const number = parseRecordKey(key);
    if (number !== undefined) records.push({ number, modifiedMs });
  }
  return records.sort((a, b) => b.number - a.number);
}

async function readRecord(store: Store, number: number, signal: AbortSignal): Promise<RemovalRecord | undefined> {
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

/** @throws LOCKED */
async function requireFree(store: Store, { number, modifiedMs }: { number: number; modifiedMs: number }, { host, isAlive, nonce, signal }: RemovalOptions): Promise<void> {
  const record = await readRecord(store, number, signal);
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

/** Removes what others have published and perhaps not removed, where nothing needs it, and then their records. */
async function finishOthers(store: Store, number: number, options: RemovalOptions): Promise<void> {
  const { signal, concurrency } = options;
  const others = (await recordsOf(store, signal)).filter((record) => record.number < number);
  const pending = new Set<string>();
  for (const other of others) for (const key of (await readRecord(store, other.number, signal))?.pending ?? []) pending.add(key);
  if (pending.size > 0) {
    const spare = await decodableWithout(store, pending, signal);
    const keys = [...pending].filter((key) => spare.has(parseKey(key)!.oid));
    await forEachParallel(keys, concurrency, (key, siblings) => store.remove(key, siblings), signal);
  }
  for (const other of others) await store.remove(formatRecordKey(other.number), signal);
  for await (const { key } of store.list(CLOCK_PREFIX, signal)) await store.remove(key, signal);
}

/** Of the oids of these keys, those that the store can decode without any of the keys. */
export async function decodableWithout(store: Store, keys: ReadonlySet<string>, signal: AbortSignal): Promise<Set<Oid>> {
  const oids = new Set([...keys].map((key) => parseKey(key)!.oid));
  const catalogue = await catalogueOf(store, oids, signal);
  const rest = new Map([...catalogue].map(([oid, objects]) => [oid, objects.filter(({ key }) => !keys.has(key))]));
  const ways = easiestWays([rest], { archived: true });
  return new Set([...oids].filter((oid) => ways.has(oid)));
}

class Held implements Removal {
  readonly #store: Store;
  readonly #number: number;
  readonly #record: RemovalRecord;
  readonly #options: RemovalOptions;
  #publishedMs: number;
  /** What was asked to be removed without an answer: the request may still be on its way. */
  #unsure: readonly string[] = [];

  constructor(store: Store, number: number, record: RemovalRecord, options: RemovalOptions) {
    this.#store = store;
    this.#number = number;
    this.#record = record;
    this.#options = options;
    this.#publishedMs = options.nowMs();
  }

  async remove(keys: readonly string[]): Promise<void> {
    const { concurrency, signal } = this.#options;
    for (let at = 0; at < keys.length; at += MOST_PENDING) {
      const some = keys.slice(at, at + MOST_PENDING);
      await this.#publish({ pending: some });
      this.#unsure = some;
      await forEachParallel(some, concurrency, (key, siblings) => this.#store.remove(key, siblings), signal);
      this.#unsure = [];
    }
  }

  async renewIfDue(): Promise<void> {
    if (this.#options.nowMs() - this.#publishedMs > RENEW_MS) await this.#publish({});
  }

  async release(): Promise<void> {
    try {
      await this.requireMine();
      await this.#store.replace(formatRecordKey(this.#number), formatRecord({ ...this.#record, released: true, pending: this.#unsure }), this.#options.signal);
    } catch (error) {
      // After an interruption the record stays, and the next run passes over it.
      if (!this.#options.signal.aborted && !isBallastError(error, "LOCKED")) throw error;
    }
  }

  /** First told, then looked: whoever takes over either reads this, or is seen here. */
  async #publish(changes: Partial<RemovalRecord>): Promise<void> {
    this.#publishedMs = this.#options.nowMs();
    await this.#store.replace(formatRecordKey(this.#number), formatRecord({ ...this.#record, ...changes }), this.#options.signal);
    await this.requireMine();
  }

  /** @throws LOCKED */
  async requireMine(): Promise<void> {
    const { signal, nonce } = this.#options;
    const [highest] = await recordsOf(this.#store, signal);
    const record = highest?.number === this.#number ? await readRecord(this.#store, this.#number, signal) : undefined;
    if (record?.nonce === nonce) return;
    throw new BallastError("LOCKED", `another run has taken over the removal of objects from ${this.#store.url}`, { hint: "run the same command again once that one has ended" });
  }
}
