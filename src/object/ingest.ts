import { lstatSync, readSync } from "node:fs";
import type { CompressionSettings } from "../config/settings.ts";
import { BallastError } from "../errors.ts";
import type { DirectoryStore } from "../store/directory.ts";
import type { TemporaryFile } from "../store/temporary.ts";
import { fileAccess, memoryAccess } from "../util/random-access.ts";
import { copyObject } from "./copy.ts";
import { gzip, gzipWhole } from "./gzip.ts";
import { isExecutable, type HashedFile } from "./hash-file.ts";
import { candidatesOf, draftDelta, type BaseHint, type DeltaContext, type DeltaTools } from "./ingest-delta.ts";
import { objectKey, type ObjectName } from "./name.ts";
import { oidOf, OidHasher, type Oid } from "./oid.ts";
import { PresentObjects } from "./present.ts";
import { estimateGzip, isSampleItself, isWorthwhile, looksLikeNoise, shrinks } from "./sample.ts";
import { readChunks, readSmall, readStable, SMALL_BYTES, type OpenFile } from "./stable-file.ts";

/** A file's content and the object that holds it. */
export interface Ingested extends HashedFile, ObjectName {
  /** What the object takes in the store. */
  readonly storedBytes: number;
  /** Why a base could not be used that should have done, for a warning. */
  readonly trouble?: string | undefined;
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
  /** What the content may be stored against, the preferred first, and how; without it, or them, it is stored whole. */
  readonly delta?: { readonly hints: readonly BaseHint[]; readonly tools: DeltaTools } | undefined;
  /** The caller makes the new names durable by `store.syncNames`. */
  readonly namesLater?: boolean | undefined;
}

/** What an attempt to read the file made: an object still without a name, or the knowledge that none is needed. */
interface Draft {
  readonly name: ObjectName;
  readonly storedBytes: number;
  readonly file: TemporaryFile | undefined;
}

/** What making a draft takes. */
interface Drafting extends Pick<IngestOptions, "delta" | "signal" | "onBytes"> {
  readonly store: DirectoryStore;
  readonly compression: CompressionSettings;
  readonly present: PresentObjects;
  readonly onTrouble: (message: string) => void;
}

/**
 * Puts a file's content into the local store and says what it is. The content is hashed in the same reading that
 * stores it, unless it may become a delta: then it is hashed first. The object appears under its name only when the
 * file was not touched meanwhile. Memory is bounded whatever the file's size.
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
  let trouble: string | undefined;
  const drafting: Drafting = { ...options, store, compression, present, onTrouble: (message) => (trouble = message) };
  const { made, stat } = await readStable(
    path,
    (file) => {
      trouble = undefined;
      return file.sizeBytes <= SMALL_BYTES ? draftSmall(file, drafting) : draftLarge(file, drafting);
    },
    (draft) => draft.file?.discard(),
  );
  if (stat.size <= SMALL_BYTES) options.onBytes?.(Number(stat.size));
  const { name, file } = made;
  const { oid } = name;
  const hashed: HashedFile = { oid, sizeBytes: Number(stat.size), exec: isExecutable(stat), stat };
  try {
    if (options.expected !== undefined && oid !== options.expected) throw notExpected(path, options.expected, oid);
    const found = present.find(oid);
    if (found) return { ...hashed, ...found.name, storedBytes: found.sizeBytes, created: false };
    // Found when the draft was made and removed since: rare enough to begin again.
    if (!file) return ingestFile(path, store, compression, options);
    if (name.base !== undefined) await bringBases(name.base, present, store, options.signal);
    const key = objectKey(name);
    const outcome = await store.adopt(file, key);
    present.added(name);
    if (outcome === "created" && !options.namesLater) await store.syncNames([key]);
    return { ...hashed, ...name, storedBytes: made.storedBytes, created: outcome === "created", trouble };
  } finally {
    file?.discard();
  }
}

/**
 * Copies what a delta stands on from other stores on this machine: the store must be able to give what was recorded
 * when the others are out of reach.
 */
async function bringBases(base: Oid, present: PresentObjects, store: DirectoryStore, signal: AbortSignal | undefined): Promise<void> {
  for (const { store: from, name, sizeBytes } of present.elsewhere(base)) {
    await copyObject(from, store, { key: objectKey(name), name, sizeBytes, modifiedMs: 0 }, { signal });
    present.added(name);
  }
}

/** Without a base, synchronous from the reading to the writing, because the buffer is shared. */
function draftSmall(source: OpenFile, drafting: Drafting): Draft | undefined | Promise<Draft> {
  const content = readSmall(source);
  if (!content) return undefined;
  const oid = oidOf(content);
  if (drafting.present.find(oid)) return { name: { oid, encoding: "raw" }, storedBytes: 0, file: undefined };
  const encoded = compressSmall(content, drafting.compression);
  const { delta, present } = drafting;
  const candidates = delta ? candidatesOf(delta.hints, present, oid) : [];
  if (candidates.length === 0) return draftWhole(oid, content, encoded, drafting);
  const kept = Buffer.from(content);
  const target = { oid, content: memoryAccess(kept), fullBytes: (encoded ?? kept).length };
  return draftDelta(target, candidates, deltaContext(drafting)).then((draft) => draft ?? draftWhole(oid, kept, encoded, drafting));
}

function draftWhole(oid: Oid, content: Uint8Array, encoded: Uint8Array | undefined, { store }: Drafting): Draft {
  const bytes = encoded ?? content;
  const file = store.temporary();
  try {
    file.writeSync(bytes);
  } catch (error) {
    file.discard();
    throw store.writeFailure(error);
  }
  return { name: { oid, encoding: encoded ? "gzip" : "raw" }, storedBytes: bytes.length, file };
}

function compressSmall(content: Buffer, { mode, engine, level }: CompressionSettings): Uint8Array | undefined {
  if (mode === "never") return undefined;
  const read = ({ start, end }: { start: number; end: number }): Buffer => content.subarray(start, end);
  if (mode === "auto" && (isSampleItself(content.length) ? looksLikeNoise(content.length, read) : !shrinks(content.length, read))) return undefined;
  const encoded = gzipWhole(content, { engine, level });
  return mode === "always" || isWorthwhile(content.length, encoded.length) ? encoded : undefined;
}

async function draftLarge(source: OpenFile, drafting: Drafting): Promise<Draft | undefined> {
  const { store, present, delta, signal } = drafting;
  const { mode, engine, level } = drafting.compression;
  let { onBytes } = drafting;
  const candidates = delta ? candidatesOf(delta.hints, present) : [];
  if (candidates.length > 0) {
    const draft = await draftLargeDelta(source, drafting);
    if (draft !== "whole") return draft;
    // It is read a second time, and was counted.
    onBytes = undefined;
  }
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
      return { name: { oid: hasher.digest(), encoding: compress ? "gzip" : "raw" }, storedBytes: file.sizeBytes, file };
    }
    file.discard();
    return undefined;
  } catch (error) {
    file.discard();
    throw error;
  }
}

/** Hashes the file, then tries to make a delta of it; "whole" when it should be none, undefined when the file changed. */
async function draftLargeDelta(source: OpenFile, drafting: Drafting): Promise<Draft | "whole" | undefined> {
  const { delta, present, compression, signal, onBytes } = drafting;
  const hasher = new OidHasher();
  let sizeBytes = 0;
  for await (const chunk of readChunks(source.fd, source.sizeBytes, signal)) {
    hasher.update(chunk);
    sizeBytes += chunk.length;
    onBytes?.(chunk.length);
  }
  if (sizeBytes !== source.sizeBytes) return undefined;
  const oid = hasher.digest();
  if (present.find(oid)) return { name: { oid, encoding: "raw" }, storedBytes: 0, file: undefined };
  const fullBytes = estimateGzip(source.sizeBytes, (range) => readRange(source.fd, range), compression);
  try {
    const content = { ...fileAccess(source.fd), sizeBytes };
    return (await draftDelta({ oid, content, fullBytes }, candidatesOf(delta?.hints ?? [], present, oid), deltaContext(drafting))) ?? "whole";
  } catch (error) {
    // The file is shorter than it was.
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

function deltaContext({ store, compression, delta, signal, onTrouble }: Drafting): DeltaContext {
  return { store, compression, tools: delta!.tools, signal, onTrouble };
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
