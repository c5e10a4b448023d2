import type { S3Settings } from "../../config/settings.ts";
import type { Report } from "../../events.ts";
import type { Oid } from "../../object/oid.ts";
import type { ByteRange, ByteSource, Diagnosis, Entry, RestoreRequest, Store, StoredObject, Stray } from "../port.ts";
import { S3Connection } from "./client.ts";
import { refusesToReplace } from "./conditions.ts";
import { diagnose } from "./diagnose.ts";
import { findObjects } from "./find.ts";
import { listAll } from "./list.ts";
import { readObject, readWhole } from "./read.ts";
import { requestRestore } from "./restore.ts";
import { abortExpired, unfinishedUploads } from "./unfinished.ts";
import { formatS3Url, parseS3Url } from "./url.ts";
import { removeObject, replaceObject, writeObject } from "./write.ts";

/**
 * Opens the store at `s3://bucket/prefix`. Nothing is sent, and no credentials are looked for, until a method is called.
 * @throws CONFIG_INVALID when the URL is not such a one
 */
export function openS3Store(url: string, settings: S3Settings, report: Report): Store {
  return new S3Store(new S3Connection(parseS3Url(url), settings, report));
}

class S3Store implements Store {
  readonly url: string;
  readonly #s3: S3Connection;

  constructor(s3: S3Connection) {
    this.url = formatS3Url(s3.location);
    this.#s3 = s3;
  }

  find(oids: Iterable<Oid>, signal?: AbortSignal): Promise<Map<Oid, StoredObject[]>> {
    return findObjects(this.#s3, oids, signal);
  }

  list(prefix: string, signal?: AbortSignal): AsyncIterable<Entry> {
    return listAll(this.#s3, prefix, signal);
  }

  read(key: string, range?: ByteRange, signal?: AbortSignal, chunks?: "lent"): AsyncIterable<Uint8Array> {
    return readObject(this.#s3, key, range, signal, chunks);
  }

  readWhole(key: string, sizeBytes: number, signal?: AbortSignal): Promise<Buffer | undefined> {
    return readWhole(this.#s3, key, sizeBytes, signal);
  }

  write(key: string, source: ByteSource, signal?: AbortSignal): Promise<"created" | "exists"> {
    return writeObject(this.#s3, key, source, signal);
  }

  replace(key: string, content: Uint8Array, signal?: AbortSignal): Promise<void> {
    return replaceObject(this.#s3, key, content, signal);
  }

  remove(key: string, signal?: AbortSignal, beforeTry?: () => void): Promise<void> {
    return removeObject(this.#s3, key, signal, beforeTry);
  }

  requestRestore(key: string, days: number, signal?: AbortSignal): Promise<RestoreRequest> {
    return requestRestore(this.#s3, key, days, signal);
  }

  refusesToReplace(signal?: AbortSignal): Promise<boolean> {
    return refusesToReplace(this.#s3, signal);
  }

  tidy(signal?: AbortSignal): Promise<void> {
    return abortExpired(this.#s3, signal);
  }

  strays(signal?: AbortSignal): AsyncIterable<Stray> {
    return unfinishedUploads(this.#s3, signal);
  }

  diagnose(signal?: AbortSignal): AsyncIterable<Diagnosis> {
    return diagnose(this.#s3, signal);
  }

  close(): void {
    this.#s3.close();
  }
}
