import { readFileSync } from "node:fs";
import { isBallastError, systemCode, type BallastError, type ErrorCode } from "../errors.ts";
import type { DirectoryStore } from "../store/directory.ts";
import type { StoredObject } from "../store/port.ts";
import { decodeWhole, needsBase, verify, type OpenBase } from "./encodings.ts";
import { readEncoded } from "./read-encoded.ts";
import { SMALL_BYTES } from "./stable-file.ts";

/** What decoding an object to its end has shown; plain data. */
export type Verdict = { readonly ok: true; readonly sizeBytes: number } | { readonly ok: false; readonly code: ErrorCode; readonly message: string };

/**
 * Decodes an object of a directory store and holds it against its name. Whatever is wrong with this object alone, or
 * with what it is a difference from, is an answer; see `code`.
 * @throws the signal's reason; what the store throws that does not concern one object
 */
export async function checkObject(
  store: DirectoryStore,
  { name, key, sizeBytes }: Pick<StoredObject, "name" | "key" | "sizeBytes">,
  { openBase, signal, onBytes }: { openBase?: OpenBase | undefined; signal?: AbortSignal | undefined; onBytes?: ((bytes: number) => void) | undefined } = {},
): Promise<Verdict> {
  signal?.throwIfAborted();
  try {
    const content = sizeBytes <= SMALL_BYTES && !needsBase(name) ? decodeWhole(name, readWhole(store, key)).length : await verify(name, readEncoded(store, key, signal), { openBase, signal });
    onBytes?.(sizeBytes);
    return { ok: true, sizeBytes: content };
  } catch (error) {
    signal?.throwIfAborted();
    if (isUnreadable(error)) return { ok: false, code: error.code, message: error.message };
    return verdictOf(error);
  }
}

/**
 * Whether a failure to read an object is that of one file on one's own disk, and not of the store: STORE_DENIED where this user
 * may not read it, STORE_UNREACHABLE where the disk cannot.
 */
export function isUnreadable(error: unknown): error is BallastError {
  // A connection may be refused by EPERM too, and that is no file.
  return isBallastError(error, "STORE_DENIED", "STORE_UNREACHABLE") && UNREADABLE[error.code]?.has(systemCode(error.cause) ?? "") === true;
}

const UNREADABLE: Partial<Record<ErrorCode, ReadonlySet<string>>> = { STORE_DENIED: new Set(["EACCES", "EPERM"]), STORE_UNREACHABLE: new Set(["EIO"]) };

/** An error as a verdict on the object that was being read. @throws the error, unless it concerns that object alone */
export function verdictOf(error: unknown): Verdict {
  if (isBallastError(error, "OBJECT_CORRUPT", "OBJECT_MISSING", "OBJECT_ARCHIVED", "ENCODING_UNKNOWN")) return { ok: false, code: error.code, message: error.message };
  throw error;
}

function readWhole(store: DirectoryStore, key: string): Buffer {
  try {
    return readFileSync(store.pathOf(key));
  } catch (error) {
    throw store.readFailure(error, key);
  }
}
