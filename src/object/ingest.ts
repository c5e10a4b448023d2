import { lstatSync, readSync } from "node:fs";
import type { CompressionSettings } from "../config/settings.ts";
import { BallastError } from "../errors.ts";
import type { DirectoryStore } from "../store/directory.ts";
import type { TemporaryFile } from "../store/temporary.ts";
import { gzip, gzipWhole } from "./gzip.ts";
import { isExecutable, type HashedFile } from "./hash-file.ts";
import { objectKey, type Encoding } from "./name.ts";
import { oidOf, OidHasher, type Oid } from "./oid.ts";
import { PresentObjects } from "./present.ts";
import { isWorthwhile, shrinks } from "./sample.ts";
import { readChunks, readSmall, readStable, SMALL_BYTES, type OpenFile } from "./stable-file.ts";

export interface Ingested extends HashedFile {
  /** What the object takes in the store. */
  readonly storedBytes: number;
  readonly encoding: Encoding;
  /** False when the store had the content already. */
  readonly created: boolean;
}

export interface IngestOptions {
  /** Store the file only if it has this content. */
  readonly expected?: Oid | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Called with the bytes read since the last call; a file that changes is read, and counted, again. */
  readonly onBytes?: ((bytes: number) => void) | undefined;
  /** What the store has; pass one object for many files. */
  readonly present?: PresentObjects | undefined;
  /** The caller makes the new names durable by `store.syncNames`. */
  readonly namesLater?: boolean | undefined;
}

/** What an attempt to read the file made: an object still without a name, or the knowledge that none is needed. */
interface Draft {
  readonly oid: Oid;
  readonly encoding: Encoding;
  readonly storedBytes: number;
  readonly file: TemporaryFile | undefined;
}

/**
 * Puts a file's content into the local store and says what it is. The content is hashed in the same reading that
 * stores it, and the object appears under its name only when the file was not touched meanwhile. Memory is bounded
 * whatever the file's size.
 * @throws NOT_A_FILE, FILE_CHANGED (it kept changing, has gone, or is not what was expected), FILE_DENIED, DISK_FULL,
 *   STORE_READ_ONLY, STORE_MISSING, the signal's reason
 */
export async function ingestFile(
  path: string,
  store: DirectoryStore,
  compression: CompressionSettings,
  options: IngestOptions = {},
): Promise<Ingested> {
  options.signal?.throwIfAborted();
  const present = options.present ?? new PresentObjects(store);
  const { made, stat } = await readStable(
    path,
    (file) => (file.sizeBytes <= SMALL_BYTES ? draftSmall(file, store, present, compression) : draftLarge(file, store, compression, options)),
    (draft) => draft.file?.discard(),
  );
  if (stat.size <= SMALL_BYTES) options.onBytes?.(Number(stat.size));
  const { oid, file } = made;
  const hashed: HashedFile = { oid, sizeBytes: Number(stat.size), exec: isExecutable(stat), stat };
  try {
    if (options.expected !== undefined && oid !== options.expected) throw notExpected(path, options.expected, oid);
    const found = present.find(oid);
    if (found) return { ...hashed, encoding: found.name.encoding, storedBytes: found.sizeBytes, created: false };
    // Found when the draft was made and removed since: rare enough to begin again.
    if (!file) return ingestFile(path, store, compression, options);
    const key = objectKey({ oid, encoding: made.encoding });
    const outcome = await store.adopt(file, key);
    if (outcome === "created" && !options.namesLater) await store.syncNames([key]);
    return { ...hashed, encoding: made.encoding, storedBytes: made.storedBytes, created: outcome === "created" };
  } finally {
    file?.discard();
  }
}

/** Synchronous from the reading to the writing, because the buffer is shared. */
function draftSmall(source: OpenFile, store: DirectoryStore, present: PresentObjects, compression: CompressionSettings): Draft | undefined {
  const content = readSmall(source);
  if (!content) return undefined;
  const oid = oidOf(content);
  if (present.find(oid)) return { oid, encoding: "raw", storedBytes: 0, file: undefined };
  const encoded = compressSmall(content, compression);
  const bytes = encoded ?? content;
  const file = store.temporary();
  try {
    file.writeSync(bytes);
  } catch (error) {
    file.discard();
    throw store.writeFailure(error);
  }
  return { oid, encoding: encoded ? "gzip" : "raw", storedBytes: bytes.length, file };
}

function compressSmall(content: Buffer, { mode, engine, level }: CompressionSettings): Uint8Array | undefined {
  if (mode === "never") return undefined;
  if (mode === "auto" && !shrinks(content.length, ({ start, end }) => content.subarray(start, end))) return undefined;
  const encoded = gzipWhole(content, { engine, level });
  return mode === "always" || isWorthwhile(content.length, encoded.length) ? encoded : undefined;
}

async function draftLarge(
  source: OpenFile,
  store: DirectoryStore,
  { mode, engine, level }: CompressionSettings,
  { signal, onBytes }: IngestOptions,
): Promise<Draft | undefined> {
  const compress = mode === "always" || (mode === "auto" && shrinks(source.sizeBytes, (range) => readRange(source.fd, range)));
  const clone = compress ? undefined : cloneOf(source, store);
  if (clone === "changed") return undefined;
  const file = clone ?? store.temporary();
  const hasher = new OidHasher();
  let sizeBytes = 0;
  const count = (chunk: Uint8Array): void => {
    hasher.update(chunk);
    sizeBytes += chunk.length;
    onBytes?.(chunk.length);
  };
  const write = (bytes: Uint8Array): Promise<void> => file.write(bytes).catch((error) => Promise.reject(store.writeFailure(error)));
  try {
    if (clone) {
      for await (const chunk of readChunks(clone.fd, source.sizeBytes, signal)) count(chunk);
    } else if (compress) {
      for await (const chunk of gzip(tap(readChunks(source.fd, source.sizeBytes, signal), count), { engine, level })) await write(chunk);
    } else {
      for await (const chunk of readChunks(source.fd, source.sizeBytes, signal)) {
        const written = write(chunk);
        count(chunk);
        await written;
      }
    }
    if (sizeBytes === source.sizeBytes) {
      return { oid: hasher.digest(), encoding: compress ? "gzip" : "raw", storedBytes: file.sizeBytes, file };
    }
    file.discard();
    return undefined;
  } catch (error) {
    file.discard();
    throw error;
  }
}

/** A clone of the very file that is open, as far as the system lets us say so. */
function cloneOf({ fd, path, sizeBytes }: OpenFile, store: DirectoryStore): TemporaryFile | "changed" | undefined {
  const linux = process.platform === "linux";
  const clone = store.temporaryClone(linux ? `/proc/self/fd/${fd}` : path);
  if (!clone) return undefined;
  const sameFile = linux || lstatSync(path, { throwIfNoEntry: false })?.isFile() === true;
  if (sameFile && clone.sizeBytes === sizeBytes) return clone;
  clone.discard();
  return "changed";
}

function readRange(fd: number, { start, end }: { start: number; end: number }): Buffer {
  const buffer = Buffer.allocUnsafe(end - start);
  let length = 0;
  while (length < buffer.length) {
    const count = readSync(fd, buffer, length, buffer.length - length, start + length);
    if (count === 0) break;
    length += count;
  }
  return buffer.subarray(0, length);
}

async function* tap(source: AsyncIterable<Uint8Array>, see: (chunk: Uint8Array) => void): AsyncGenerator<Uint8Array> {
  for await (const chunk of source) {
    see(chunk);
    yield chunk;
  }
}

function notExpected(path: string, expected: Oid, oid: Oid): BallastError {
  return new BallastError("FILE_CHANGED", `${path} no longer has the content ${expected} but ${oid}`, {
    hint: "run git ballast status to see what changed",
  });
}
