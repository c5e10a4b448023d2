import { BallastError } from "../errors.ts";
import { ownText, type Oid } from "../object/oid.ts";
import type { Store } from "../store/port.ts";
import { collectGarbage } from "../util/collect-garbage.ts";
import { forEachParallel } from "../util/pool.ts";
import { CLAIMS_PREFIX, MARKS_PREFIX, readRecord, type OidRecord } from "./records.ts";
import { parseProcess, type ProcessName } from "../util/process-name.ts";

/** A claim of a push, or a live list. */
export interface Claimed {
  readonly key: string;
  /** The id of the repository that it speaks for. */
  readonly repository: string;
  readonly label: string;
  readonly kind: "claim" | "live";
  /** When it was written, by the store's clock. */
  readonly writtenMs: number;
  readonly oids: readonly Oid[];
  /** The processes of the push, and of Git above it; undefined where these are not known. */
  readonly processes: readonly ProcessName[] | undefined;
}

export interface Mark {
  readonly key: string;
  readonly writtenMs: number;
  readonly oids: readonly Oid[];
}

const MOST_ROUNDS = 20;
const KEY = /^gc\/claims\/([0-9a-f]{32})\/(push|live)-[0-9a-f]{32}(?:\.\d+)?$/;

/**
 * Every claim and live list that was there at one moment (docs/cleanup.md, C2): lists until two listings agree, since
 * one may take its place while the pages of a listing are read.
 * @throws STORE_VERSION for a record that this version cannot read; STORE_BUSY when there is no end of changes
 */
export async function collectClaims(store: Store, options: { concurrency: number; signal: AbortSignal }): Promise<Claimed[]> {
  const known = new Map<string, OidRecord>();
  let before = await listed(store, CLAIMS_PREFIX, options.signal);
  for (let round = 0; round < MOST_ROUNDS; round++) {
    const whole = await readAll(store, before.keys(), ["claim", "live"], known, options);
    const now = await listed(store, CLAIMS_PREFIX, options.signal);
    if (whole && now.size === before.size && [...now.keys()].every((key) => before.has(key))) return [...now].map(([key, writtenMs]) => claimed(store, key, writtenMs, known.get(key)!));
    before = now;
  }
  throw new BallastError("STORE_BUSY", `there are pushes to ${store.url} all the time`, { hint: "try again in a moment" });
}

/** The marks that there are. @throws STORE_VERSION */
export async function readMarks(store: Store, options: { concurrency: number; signal: AbortSignal }): Promise<Mark[]> {
  const known = new Map<string, OidRecord>();
  const keys = await listed(store, MARKS_PREFIX, options.signal);
  await readAll(store, keys.keys(), ["mark"], known, options);
  return [...keys].flatMap(([key, writtenMs]) => {
    const record = known.get(key);
    return record ? [{ key, writtenMs, oids: record.oids }] : [];
  });
}

async function listed(store: Store, prefix: string, signal: AbortSignal): Promise<Map<string, number>> {
  const keys = new Map<string, number>();
  for await (const { key, modifiedMs } of store.list(prefix, signal)) keys.set(key, modifiedMs);
  return keys;
}

/** Reads those that are not known yet. @returns whether all were there */
async function readAll(
  store: Store,
  keys: Iterable<string>,
  kinds: readonly ("claim" | "live" | "mark")[],
  known: Map<string, OidRecord>,
  { concurrency, signal }: { concurrency: number; signal: AbortSignal },
): Promise<boolean> {
  let whole = true;
  // Most records name what others do, and each may name a million: what is known is not held again.
  const texts = new Map<Oid, Oid>();
  for (const { oids } of known.values()) for (const oid of oids) texts.set(oid, oid);
  await forEachParallel([...keys].filter((key) => !known.has(key)), concurrency, async (key, siblings) => {
    const record = await readRecord(store, key, kinds, siblings);
    if (record) known.set(key, { head: record.head, oids: record.oids.map((oid) => textOf(oid, texts)) });
    else whole = false;
    collectGarbage(record?.oids.length ?? 0);
  }, signal);
  return whole;
}

/** One text for each oid, whichever record named it first. */
function textOf(oid: Oid, texts: Map<Oid, Oid>): Oid {
  const known = texts.get(oid);
  if (known !== undefined) return known;
  const own = ownText(oid);
  texts.set(own, own);
  return own;
}

function claimed(store: Store, key: string, writtenMs: number, { head, oids }: OidRecord): Claimed {
  const match = KEY.exec(key);
  if (!match) throw new BallastError("STORE_VERSION", `${key} in ${store.url} is no claim that this version knows`, { hint: "install the newest git-ballast; if something else wrote that file, remove it" });
  const label = typeof head["repository"] === "string" ? head["repository"] : match[1]!;
  return { key, repository: match[1]!, label, kind: match[2] === "push" ? "claim" : "live", writtenMs, oids, processes: processesOf(head["processes"]) };
}

function processesOf(value: unknown): ProcessName[] | undefined {
  if (!Array.isArray(value)) return undefined;
  const known = value.flatMap((one) => parseProcess(one) ?? []);
  return known.length > 0 && known.length === value.length ? known : undefined;
}
