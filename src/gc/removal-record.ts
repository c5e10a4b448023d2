/*
 * The records under which objects are removed from a store that others use (docs/repack.md, docs/format.md):
 *
 *   gc/removal.<number>.json      the highest number counts
 *
 *   {"ballast":"removal","version":1,"nonce":"…","host":"desk","pid":4711,"what":"repack","released":false,
 *    "pending":["objects/…"]}
 */
import { parseKey } from "../object/name.ts";

export const REMOVAL_PREFIX = "gc/removal.";
/** What is published at once, so that a record stays small. */
export const MOST_PENDING = 1000;
/** No record is longer. */
export const MOST_RECORD_BYTES = 1024 * 1024;

/** Who removes. */
export interface Remover {
  /** Tells one run from all others. */
  readonly nonce: string;
  readonly host: string;
  readonly pid: number;
  /** The verb, for messages. */
  readonly what: string;
}

/** What a record says. */
export interface RemovalRecord extends Remover {
  readonly released: boolean;
  /** Keys of objects that are about to be removed, or are already. */
  readonly pending: readonly string[];
}

export function formatRecordKey(number: number): string {
  return `${REMOVAL_PREFIX}${number}.json`;
}

const KEY = /^gc\/removal\.([1-9][0-9]{0,14})\.json$/;

/** The number of the record at a key; undefined for a key that is no record's. */
export function parseRecordKey(key: string): number | undefined {
  const match = KEY.exec(key);
  return match ? Number(match[1]) : undefined;
}

export function formatRecord({ nonce, host, pid, what, released, pending }: RemovalRecord): Buffer {
  return Buffer.from(`${JSON.stringify({ ballast: "removal", version: 1, nonce, host, pid, what, released, pending })}\n`);
}

/** Checks a record, which anybody who can write to the store may have written; undefined when it is none. */
export function parseRecord(bytes: Uint8Array): RemovalRecord | undefined {
  let json: Record<string, unknown> | null;
  try {
    json = JSON.parse(Buffer.from(bytes).toString()) as Record<string, unknown> | null;
  } catch {
    return undefined;
  }
  const { ballast, version, nonce, host, pid, what, released, pending } = json ?? {};
  if (ballast !== "removal" || version !== 1 || typeof released !== "boolean") return undefined;
  if (typeof nonce !== "string" || typeof host !== "string" || typeof what !== "string" || !Number.isSafeInteger(pid)) return undefined;
  if (!Array.isArray(pending) || pending.length > MOST_PENDING || !pending.every((key) => typeof key === "string" && parseKey(key) !== undefined)) return undefined;
  return { nonce, host, pid: pid as number, what, released, pending: pending as string[] };
}
