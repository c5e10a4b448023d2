/*
 * The records of locks in a store (docs/locks.md, docs/format.md):
 *
 *   locks/<SHA-256 of the path>.<number>.json     odd: a lock, even: a release; the highest number counts
 *
 *   {"ballast":"lock","version":1,"path":"art/hero.psd","owner":{"name":"Ann","email":"ann@example.com"},
 *    "machine":"desk","time":"2026-01-31T12:00:00.000Z","nonce":"…"}
 *
 * A release has "unlock" in the place of "lock". Records come from whoever can write to the store: nothing in them is
 * believed before it was checked here.
 */
import { createHash } from "node:crypto";
import { refusal } from "../manifest/path.ts";

export const LOCKS_PREFIX = "locks/";
/** No record is longer: a path of 4,096 bytes, every byte escaped, and names of {@link MOST_CHARS}. */
export const MOST_RECORD_BYTES = 64 * 1024;
const MOST_CHARS = 1024;

/** A person as Git knows them. */
export interface Owner {
  readonly name: string;
  /** May be empty. */
  readonly email: string;
}

/** What a record says. */
export interface LockRecord {
  readonly kind: "lock" | "unlock";
  readonly path: string;
  /** Who locked it, or who released it. */
  readonly owner: Owner;
  readonly machine: string;
  /** By the clock of that machine, in milliseconds since 1970; for people to read. */
  readonly timeMs: number;
  /** Tells the record of one run from all others. */
  readonly nonce: string;
}

/** The record's place in a store. */
export interface RecordKey {
  /** SHA-256 of the path in UTF-8, in lower-case hex. */
  readonly pathHash: string;
  readonly number: number;
}

export function hashOfPath(path: string): string {
  return createHash("sha256").update(path).digest("hex");
}

/** Whether a record of this number is a lock, and not a release. */
export function isLockNumber(number: number): boolean {
  return number % 2 === 1;
}

/** What all records of one path begin with. */
export function recordPrefix(pathHash: string): string {
  return `${LOCKS_PREFIX}${pathHash}.`;
}

export function formatRecordKey({ pathHash, number }: RecordKey): string {
  return `${recordPrefix(pathHash)}${number}.json`;
}

const KEY = /^locks\/([0-9a-f]{64})\.([1-9][0-9]{0,14})\.json$/;

/** Undefined for a key that is no record's. */
export function parseRecordKey(key: string): RecordKey | undefined {
  const match = KEY.exec(key);
  return match ? { pathHash: match[1]!, number: Number(match[2]) } : undefined;
}

export function formatRecord({ kind, path, owner, machine, timeMs, nonce }: LockRecord): Buffer {
  const { name, email } = owner;
  return Buffer.from(`${JSON.stringify({ ballast: kind, version: 1, path, owner: { name, email }, machine, time: new Date(timeMs).toISOString(), nonce })}\n`);
}

/**
 * Checks the bytes of the record at `key`. Members that are not known are ignored.
 * @returns why it is no record of that place, as text for people, when it is none
 */
export function parseRecord(bytes: Uint8Array, key: RecordKey): LockRecord | { readonly why: string } {
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    return { why: "it is not JSON in UTF-8" };
  }
  if (!isObject(json)) return { why: "it is no JSON object" };
  const { ballast: kind, version, path, owner, machine, time, nonce } = json;
  if (kind !== "lock" && kind !== "unlock") return { why: "it is neither a lock nor a release" };
  if (version !== 1) return { why: "it is of a version that this Ballast does not know" };
  if ((kind === "lock") !== isLockNumber(key.number)) return { why: `its number does not stand for ${kind === "lock" ? "a lock" : "a release"}` };
  if (typeof path !== "string" || refusal(path) !== undefined) return { why: "its path is none of an asset" };
  if (hashOfPath(path) !== key.pathHash) return { why: "it is of another path" };
  if (!isObject(owner) || !isText(owner["name"]) || !isText(owner["email"]) || (owner["name"] === "" && owner["email"] === "")) return { why: "it names no owner" };
  const timeMs = typeof time === "string" ? Date.parse(time) : Number.NaN;
  if (!isText(machine) || !isText(nonce) || nonce === "" || Number.isNaN(timeMs)) return { why: "its machine, time or nonce is missing" };
  return { kind, path, owner: { name: owner["name"], email: owner["email"] }, machine, timeMs, nonce };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isText(value: unknown): value is string {
  return typeof value === "string" && value.length <= MOST_CHARS;
}
