import type { ObjectName } from "../object/name.ts";
import type { Oid } from "../object/oid.ts";

/**
 * A place that holds objects: a directory or an S3 bucket. Keys are relative to the store's root, with `/` between
 * components (`ballast.json`, `objects/ab/<name>`, `locks/…`, `gc/…`).
 *
 * Every method is safe to call concurrently and to repeat. All throw BallastError: STORE_UNREACHABLE and STORE_BUSY
 * are worth another try (an adapter has already tried several times when it throws them); STORE_DENIED,
 * STORE_MISSING (the bucket or root), CREDENTIALS_MISSING, OBJECT_MISSING, OBJECT_ARCHIVED, STORE_READ_ONLY and
 * DISK_FULL are not. An abort of `signal` ends the call with the signal's reason.
 */
export interface Store {
  /** As given by the user, without credentials: `s3://bucket/prefix` or `file:///dir`. */
  readonly url: string;

  /**
   * The objects that the store holds for each of `oids`, under any encoding; an oid without an object is absent from
   * the result. Uses one paginated listing or single requests, whichever is fewer.
   */
  find(oids: Iterable<Oid>, signal?: AbortSignal): Promise<Map<Oid, StoredObject[]>>;

  /** Every key that starts with `prefix`, in ascending order of its bytes. */
  list(prefix: string, signal?: AbortSignal): AsyncIterable<Entry>;

  /**
   * The bytes of `key`, from `range.start` up to and without `range.end` when given. A transfer that stalls or breaks
   * is resumed at the byte where it broke. The caller verifies the content and must read to the end or return early
   * (`for await` does both); an unread stream is released by its iterator's `return`.
   * @param chunks "lent": a chunk may be overwritten once the next one is asked for, which a large object comes faster by
   * @throws OBJECT_MISSING, OBJECT_ARCHIVED
   */
  read(key: string, range?: ByteRange, signal?: AbortSignal, chunks?: "lent"): AsyncIterable<Uint8Array>;

  /**
   * As `read`, for a small object whose size is known: all its bytes in one buffer, with less ado.
   * @returns undefined when it is of another size
   */
  readWhole?(key: string, sizeBytes: number, signal?: AbortSignal): Promise<Buffer | undefined>;

  /**
   * Creates `key` with the bytes of `source`: it appears whole or not at all, durable on return, and an existing
   * object is never replaced ("exists": nothing was written). A killed large upload is resumed by the next call.
   */
  write(key: string, source: ByteSource, signal?: AbortSignal): Promise<"created" | "exists">;

  /** Replaces or creates a small control file (`ballast.json`, `gc/…`): atomically, last writer wins. */
  replace(key: string, content: Uint8Array, signal?: AbortSignal): Promise<void>;

  /**
   * Removes `key`; succeeds when it is not there. A try that nobody has answered may still have its effect, also after a
   * later one was answered; in a bucket for half an hour at most (docs/cleanup.md).
   * @param beforeTry called just before each try goes out; what it throws ends the call, and then that try does not
   */
  remove(key: string, signal?: AbortSignal, beforeTry?: () => void): Promise<void>;

  /** Asks the store to bring an archived object back; see {@link RestoreRequest}. Directories never archive. */
  requestRestore?(key: string, days: number, signal?: AbortSignal): Promise<RestoreRequest>;

  /**
   * Whether `write` keeps its promise never to replace, so that of several writers of one key one alone is told
   * "created". Tried out where it is not known yet; absent where it is so by construction. Locks rest on it.
   */
  refusesToReplace?(signal?: AbortSignal): Promise<boolean>;

  /** Removes what ended runs have left and nobody will continue: unfinished uploads and temporary files, once they are old. */
  tidy?(signal?: AbortSignal): Promise<void>;

  /** What is in the store and in no listing: what ended runs have left, and what stands where an object should. */
  strays?(signal?: AbortSignal): AsyncIterable<Stray>;

  /** Facts for `doctor` that only the adapter can know. */
  diagnose?(signal?: AbortSignal): AsyncIterable<Diagnosis>;

  /** Releases connections. */
  close(): void;
}

export interface Entry {
  readonly key: string;
  readonly sizeBytes: number;
  /** By the store's clock, in milliseconds since 1970. */
  readonly modifiedMs: number;
  /** True when the bytes cannot be read until they are restored from an archive. */
  readonly archived?: boolean;
}

/** Something that is no key's. */
export interface Stray {
  /** An unfinished file or upload, or something that is no file in the place of an object or of its directory. */
  readonly kind: "temporary" | "obstacle";
  /** Relative to the root. */
  readonly place: string;
  /** What it is, for messages. */
  readonly detail: string;
  /** How long it has been there, by the store's clock as far as that is known, in milliseconds. */
  readonly ageMs: number;
}

export interface StoredObject extends Entry {
  readonly name: ObjectName;
}

/** A half-open range of byte offsets. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/** Bytes that can be read again from any offset, as retries and parallel parts need. */
export interface ByteSource {
  readonly sizeBytes: number;
  /** SHA-256 of exactly these bytes in lower-case hex, when it is already known. */
  readonly sha256?: string;
  /** All the bytes, where they are in memory, will not change, and were found to have `sha256`. */
  readonly verified?: Buffer;
  /** @param chunks as for `Store.read` */
  open(range: ByteRange, signal?: AbortSignal, chunks?: "lent"): AsyncIterable<Uint8Array>;
}

export interface RestoreRequest {
  readonly state: "requested" | "in-progress" | "available";
  /** Hours until it can be read, as the provider documents them. */
  readonly expectedHours: number | undefined;
}

export interface Diagnosis {
  readonly name: string;
  readonly ok: boolean | "unknown";
  readonly detail: string;
  /** The command that mends it. */
  readonly mend?: string;
}
