import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { open } from "node:fs/promises";
import { fromSystemError, isBallastError } from "../errors.ts";
import type { Operation, Report } from "../events.ts";
import { isDirectoryStore, type DirectoryStore } from "../store/directory.ts";
import { linkObject, mayLink } from "../store/link.ts";
import type { ByteSource, Store, StoredObject } from "../store/port.ts";
import { readFileChunks } from "../util/file-chunks.ts";
import { contentsOf } from "./contents.ts";
import { decodeVerified, decodeWhole, isDecodable, needsBase, verify, type DecodeOptions } from "./encodings.ts";
import { copyWhole, publish, wrongSize } from "./copy-small.ts";
import { readEncoded } from "./read-encoded.ts";
import { bufferSource, fileSource, verifiedSource } from "./source.ts";
import { readChunks, SMALL_BYTES } from "./stable-file.ts";

/** Without `openBase`, the base of a delta comes from whichever of the two stores is a directory. */
export interface CopyOptions extends Omit<DecodeOptions, "limitBytes"> {
  /** Told of the object's encoded bytes as they move. */
  readonly report?: Report | undefined;
  /** The operation that the reported bytes belong to. */
  readonly op?: Operation | undefined;
  /** Where an object waits that is verified between two remote stores; the system's temporary directory by default. */
  readonly spoolDirectory?: string | undefined;
  /** Lets two directories have one file, where the file system cannot share its blocks: neither ever changes it. */
  readonly link?: boolean | undefined;
  /** The caller makes the name of a small object durable, by `syncNames` of the target directory. */
  readonly namesLater?: boolean | undefined;
}

/**
 * Copies one object to another store, under the same name and encoding. What appears at the target was verified: it
 * decodes to the oid that it is named by. Only its size is checked of an encoding that this version cannot decode, and
 * of a delta whose base cannot be read on this machine.
 * @returns "exists" when the target had the object
 * @throws OBJECT_MISSING, OBJECT_CORRUPT (nothing was published), and what the stores throw
 */
export async function copyObject(from: Store, to: Store, object: StoredObject, options: CopyOptions = {}): Promise<"created" | "exists"> {
  options.signal?.throwIfAborted();
  if (!needsBase(object.name)) return copyBy(from, to, object, { ...options, decodes: isDecodable(object.name) });
  const contents = options.openBase ? undefined : contentsOf([to, from], { signal: options.signal });
  const openBase = options.openBase ?? contents?.open;
  try {
    const base = await openBase?.(object.name.base).catch((error: unknown) => {
      if (!isBallastError(error, "OBJECT_MISSING")) throw error;
    });
    try {
      return await copyBy(from, to, object, { ...options, openBase, decodes: base !== undefined });
    } finally {
      base?.close();
    }
  } finally {
    contents?.close();
  }
}

/** @param options.decodes whether the content is verified on the way, or the size only */
interface CopyWay extends CopyOptions {
  readonly decodes: boolean;
}

async function copyBy(from: Store, to: Store, object: StoredObject, options: CopyWay): Promise<"created" | "exists"> {
  if (options.link === true && isDirectoryStore(from) && isDirectoryStore(to)) {
    const linked = await linkVerified(from, to, object, options);
    if (linked) return linked;
  }
  if (object.sizeBytes <= SMALL_BYTES) {
    if (!isDirectoryStore(from) || !isDirectoryStore(to) || needsBase(object.name)) return copySmall(from, to, object, options);
    return copyWhole(from, to, object, { ...options, onRead: () => wasRead(options, object.sizeBytes) });
  }
  if (isDirectoryStore(to)) return (await cloneVerified(from, to, object, options)) ?? receiveVerified(from, to, object, options);
  if (isDirectoryStore(from)) return sendVerified(from.pathOf(object.key), readEncoded(from, object.key, options.signal), to, object, options);
  return spool(from, to, object, options);
}

async function copySmall(from: Store, to: Store, object: StoredObject, options: CopyWay): Promise<"created" | "exists"> {
  const bytes = isDirectoryStore(from) ? readLocal(from, object) : await readRemote(from, object, options.signal);
  checkSize(object, bytes.length);
  if (options.decodes) {
    // A small delta may make much.
    if (needsBase(object.name)) await verify(object.name, bufferSource(bytes).open({ start: 0, end: bytes.length }), options);
    else decodeWhole(object.name, bytes);
  }
  if (isDirectoryStore(to)) {
    wasRead(options, bytes.length);
    return publish(to, object.key, bytes, options.namesLater);
  }
  const sha256 = object.name.encoding === "raw" ? object.name.oid : createHash("sha256").update(bytes).digest("hex");
  const outcome = await to.write(object.key, verifiedSource(bytes, sha256), options.signal);
  told(options, bytes.length);
  return outcome;
}

function readLocal(from: DirectoryStore, object: StoredObject): Buffer {
  try {
    return readFileSync(from.pathOf(object.key));
  } catch (error) {
    throw from.readFailure(error, object.key);
  }
}

/** A small object's bytes, as many as were listed. @throws OBJECT_MISSING, OBJECT_CORRUPT; what the store throws */
export async function readRemote(from: Store, object: StoredObject, signal: AbortSignal | undefined): Promise<Buffer> {
  const whole = object.sizeBytes > 0 ? await from.readWhole?.(object.key, object.sizeBytes, signal) : undefined;
  if (whole) return whole;
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const chunk of from.read(object.key, undefined, signal)) {
    sizeBytes += chunk.length;
    if (sizeBytes > object.sizeBytes) break;
    chunks.push(chunk);
  }
  checkSize(object, sizeBytes);
  return Buffer.concat(chunks);
}

/** Lets the file system share the blocks where it can, and verifies what it shared. */
async function cloneVerified(from: Store, to: DirectoryStore, object: StoredObject, options: CopyWay): Promise<"created" | "exists" | undefined> {
  if (!isDirectoryStore(from) || !options.decodes) return undefined;
  if (existsSync(to.pathOf(object.key))) return "exists";
  const source = from.pathOf(object.key);
  if (!existsSync(source)) return undefined;
  const file = to.temporaryClone(source);
  if (!file) return undefined;
  try {
    checkSize(object, file.sizeBytes);
    const read = async function* (): AsyncGenerator<Uint8Array> {
      for await (const chunk of readChunks(file.fd, object.sizeBytes, options.signal)) {
        told(options, chunk.length);
        yield chunk;
      }
    };
    await verify(object.name, read(), options);
    options.signal?.throwIfAborted();
    const outcome = await to.adopt(file, object.key);
    if (outcome === "created") await to.syncNames([object.key]);
    return outcome;
  } finally {
    file.discard();
  }
}

/** Gives the file that was read, and found to be right, a second name; undefined where that cannot be. */
async function linkVerified(from: DirectoryStore, to: DirectoryStore, object: StoredObject, options: CopyWay): Promise<"created" | "exists" | undefined> {
  if (!options.decodes || !mayLink(from, to, object.key)) return undefined;
  if (existsSync(to.pathOf(object.key))) return "exists";
  const cloned = object.sizeBytes > SMALL_BYTES ? await cloneVerified(from, to, object, options) : undefined;
  if (cloned) return cloned;
  let sizeBytes = 0;
  const read = async function* (): AsyncGenerator<Uint8Array> {
    for await (const chunk of readEncoded(from, object.key, options.signal)) {
      sizeBytes += chunk.length;
      told(options, chunk.length);
      yield chunk;
    }
  };
  await verify(object.name, read(), options);
  checkSize(object, sizeBytes);
  return linkObject(from, to, object.key);
}

/** Writes the target's temporary file and verifies the same bytes on their way; it gets its name only afterwards. */
function receiveVerified(from: Store, to: DirectoryStore, object: StoredObject, options: CopyWay): Promise<"created" | "exists"> {
  return to.receive(
    object.key,
    async (write) => {
      let sizeBytes = 0;
      const moved = async function* (): AsyncGenerator<Uint8Array> {
        for await (const chunk of readEncoded(from, object.key, options.signal)) {
          sizeBytes += chunk.length;
          if (sizeBytes > object.sizeBytes) checkSize(object, sizeBytes);
          // Another thread writes while this one hashes.
          const written = write(chunk);
          written.catch(() => {});
          yield chunk;
          await written;
          told(options, chunk.length);
        }
      };
      await drain(options.decodes ? decodeVerified(object.name, moved(), options) : moved());
      checkSize(object, sizeBytes);
    },
    options.signal,
  );
}

/** Verifies a local file, then lets the store read it, and check its SHA-256, at its own pace. */
async function sendVerified(
  path: string,
  encoded: AsyncIterable<Uint8Array>,
  to: Store,
  object: StoredObject,
  options: CopyWay,
): Promise<"created" | "exists"> {
  const hash = object.name.encoding === "raw" ? undefined : createHash("sha256");
  let sizeBytes = 0;
  const read = async function* (): AsyncGenerator<Uint8Array> {
    for await (const chunk of encoded) {
      sizeBytes += chunk.length;
      hash?.update(chunk);
      yield chunk;
    }
  };
  await drain(options.decodes ? decodeVerified(object.name, read(), options) : read());
  checkSize(object, sizeBytes);
  const sha256 = hash ? hash.digest("hex") : object.name.oid;
  return to.write(object.key, reporting(fileSource(path, sizeBytes, sha256), options), options.signal);
}

async function spool(from: Store, to: Store, object: StoredObject, options: CopyWay): Promise<"created" | "exists"> {
  let directory: string | undefined;
  try {
    directory = mkdtempSync(join(options.spoolDirectory ?? tmpdir(), "ballast-"));
    const path = join(directory, "object");
    const file = await open(path, "wx");
    try {
      for await (const chunk of readEncoded(from, object.key, options.signal)) await file.appendFile(chunk);
    } finally {
      await file.close();
    }
    return await sendVerified(path, readFileChunks(path, {}, options.signal), to, object, options);
  } catch (error) {
    throw fromSystemError(error, `cannot keep ${object.key} in ${directory ?? tmpdir()} on its way`);
  } finally {
    if (directory !== undefined) rmSync(directory, { recursive: true, force: true });
  }
}

/** A source that reports each byte once, however often a store reads it. */
function reporting(source: ByteSource, options: CopyOptions): ByteSource {
  let reported = 0;
  return {
    ...source,
    async *open(range, signal) {
      let at = range.start;
      for await (const chunk of source.open(range, signal)) {
        at += chunk.length;
        yield chunk;
        const bytes = Math.min(chunk.length, Math.max(0, source.sizeBytes - reported));
        if (at > reported) {
          reported += bytes;
          told(options, bytes);
        }
      }
    },
  };
}

function wasRead(options: CopyOptions, bytes: number): void {
  told(options, bytes);
  options.signal?.throwIfAborted();
}

function told({ report, op = "copy" }: CopyOptions, bytes: number): void {
  if (bytes > 0) report?.({ kind: "bytes", op, bytes });
}

async function drain(chunks: AsyncIterable<unknown>): Promise<void> {
  const iterator = chunks[Symbol.asyncIterator]();
  while (!(await iterator.next()).done);
}

function checkSize(object: StoredObject, sizeBytes: number): void {
  if (sizeBytes !== object.sizeBytes) throw wrongSize(object, sizeBytes);
}
