/*
 * The records that pushes and cleanups leave in a store (docs/cleanup.md):
 *
 *   gc/claims/<repository>/push-<id>[.<n>]   what a push needs
 *   gc/claims/<repository>/live-<id>[.<n>]   what a repository needs
 *   gc/sweeps/<id>[.<n>]                     what a cleanup is removing
 *   gc/marks/<id>[.<n>]                      what will be removed
 *
 * Each is a line of JSON, which says how many oids follow, and then one oid a line. Ids are random and used once, so a record is never changed. What is
 * too long for one record is in several, numbered from 1.
 */
import { BallastError, isBallastError } from "../errors.ts";
import { isOid, type Oid } from "../object/oid.ts";
import type { Store } from "../store/port.ts";

export const CLAIMS_PREFIX = "gc/claims/";
export const SWEEPS_PREFIX = "gc/sweeps/";
export const MARKS_PREFIX = "gc/marks/";

/** Oids in one record. */
const MOST_OIDS = 100_000;
const MOST_BYTES = 16 * 1024 * 1024;

export interface RecordHead {
  /** What it is. */
  readonly ballast: "claim" | "live" | "sweep" | "mark";
  readonly version: 1;
  readonly [more: string]: unknown;
}

export interface OidRecord {
  readonly head: RecordHead;
  readonly oids: readonly Oid[];
}

/** Writes records for `oids`, at least one, below a name that is used once. @returns their keys */
export async function writeRecords(store: Store, name: string, head: RecordHead, oids: Iterable<Oid>, signal?: AbortSignal): Promise<string[]> {
  const all = [...oids];
  const keys: string[] = [];
  for (let at = 0; at === 0 || at < all.length; at += MOST_OIDS) {
    const key = at === 0 ? name : `${name}.${at / MOST_OIDS}`;
    await store.replace(key, formatRecord(head, all.slice(at, at + MOST_OIDS)), signal);
    keys.push(key);
  }
  return keys;
}

export function formatRecord(head: RecordHead, oids: readonly Oid[]): Buffer {
  return Buffer.from(`${JSON.stringify({ ...head, oids: oids.length })}\n${oids.map((oid) => `${oid}\n`).join("")}`);
}

/**
 * Reads a record; undefined when it is not there (any more).
 * @throws STORE_VERSION when this version cannot read it, so that nobody goes on as if it were not there
 */
export async function readRecord(store: Store, key: string, kinds: readonly RecordHead["ballast"][], signal: AbortSignal): Promise<OidRecord | undefined> {
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  try {
    for await (const chunk of store.read(key, undefined, signal)) {
      sizeBytes += chunk.length;
      if (sizeBytes > MOST_BYTES) throw unreadable(store, key);
      chunks.push(Uint8Array.from(chunk));
    }
  } catch (error) {
    if (isBallastError(error, "OBJECT_MISSING")) return undefined;
    throw error;
  }
  const record = parseRecord(Buffer.concat(chunks).toString());
  if (record === undefined || !kinds.includes(record.head.ballast)) throw unreadable(store, key);
  return record;
}

/** The record that a text is; undefined when it is none, or not a whole one. */
export function parseRecord(text: string): OidRecord | undefined {
  if (!text.endsWith("\n")) return undefined;
  const [first, ...oids] = text.slice(0, -1).split("\n");
  let head: unknown;
  try {
    head = JSON.parse(first!);
  } catch {
    return undefined;
  }
  const { ballast, version, oids: announced } = (head ?? {}) as { ballast?: unknown; version?: unknown; oids?: unknown };
  if (version !== 1 || typeof ballast !== "string" || announced !== oids.length || !oids.every(isOid)) return undefined;
  return { head: head as RecordHead, oids: oids as Oid[] };
}

function unreadable(store: Store, key: string): BallastError {
  return new BallastError("STORE_VERSION", `${key} in ${store.url} cannot be read by this version`, {
    hint: "install the newest git-ballast; if something else wrote that file, remove it",
  });
}
