import { closeSync, constants, fstatSync, openSync, rmSync, write, writeSync } from "node:fs";
import { chmod, copyFile, stat } from "node:fs/promises";
import { promisify } from "node:util";
import { fromSystemError, isBallastError } from "../errors.ts";
import type { DirectoryStore } from "../store/directory.ts";
import { openClone } from "../util/clone-file.ts";
import { Contents } from "./contents.ts";
import { corruptObject, decodeVerified, decodeWhole, needsBase, type DecodeOptions } from "./encodings.ts";
import { objectKey, type ObjectName } from "./name.ts";
import { readEncoded } from "./read-encoded.ts";
import { fileStat, readChunks, readSmall, SMALL_BYTES, type FileStat } from "./stable-file.ts";

const writeAsync = promisify(write);

/** Without `openBase`, the bases of deltas come from the object's own store. */
export interface MaterialiseOptions extends Omit<DecodeOptions, "limitBytes"> {
  /** The content's size in bytes, as the manifest says it. */
  readonly expectedSize?: number | undefined;
  /** Makes the file executable for whoever the umask allows. */
  readonly exec: boolean;
  /** How errors name the file; default: `temporary`. */
  readonly label?: string | undefined;
  /** Called with the content's bytes written since the last call. */
  readonly onBytes?: ((bytes: number) => void) | undefined;
}

/**
 * Decodes an object of a directory store into the new file `temporary`, which the caller moves over the target after
 * checking that nobody touched it. What is left under the temporary name when this returns has the oid of the name.
 *
 * The file is not synced: a worktree can be restored again from the store, and Git does not sync worktree files either.
 *
 * @param temporary a path beside the target where nothing is yet
 * @returns the temporary's stat; a rename may change its ctime
 * @throws OBJECT_MISSING, OBJECT_CORRUPT, ENCODING_UNKNOWN, DISK_FULL, FILE_DENIED, STORE_DENIED, the signal's reason;
 *   nothing is left at `temporary` then
 */
export async function materialise(store: DirectoryStore, name: ObjectName, temporary: string, options: MaterialiseOptions): Promise<FileStat> {
  options.signal?.throwIfAborted();
  if (needsBase(name) && !options.openBase) {
    const contents = new Contents([store], { signal: options.signal });
    return materialise(store, name, temporary, { ...options, openBase: contents.open }).finally(() => contents.close());
  }
  const path = store.pathOf(objectKey(name));
  if ((options.expectedSize ?? Infinity) <= SMALL_BYTES) {
    const encoded = readSync(store, name, () => readIfSmall(path));
    if (encoded && !needsBase(name)) return writeWhole(decodeWhole(name, encoded, { limitBytes: options.expectedSize }), name, temporary, options);
    const content = encoded && (await decodeDelta(name, Buffer.from(encoded), options));
    if (content) return writeWhole(content, name, temporary, options);
  }
  if (name.encoding === "raw") {
    const stat = await materialiseClone(path, name, temporary, options);
    if (stat) return stat;
  }
  return materialiseFrom(readEncoded(store, objectKey(name), options.signal), name, temporary, options);
}

/** As {@link materialise}, from an object's encoded bytes wherever they come from; their errors pass through. */
export async function materialiseFrom(
  encoded: AsyncIterable<Uint8Array>,
  name: ObjectName,
  temporary: string,
  options: MaterialiseOptions,
): Promise<FileStat> {
  const fd = create(temporary, options);
  return finish(fd, temporary, async () => {
    let sizeBytes = 0;
    for await (const chunk of decodeVerified(name, encoded, { ...options, limitBytes: options.expectedSize })) {
      for (let at = 0; at < chunk.length; ) at += (await writeAsync(fd, chunk, at, chunk.length - at, null).catch(failed(temporary, options))).bytesWritten;
      sizeBytes += chunk.length;
      options.onBytes?.(chunk.length);
    }
    checkSize(name, sizeBytes, options);
  });
}

/** A small file's bytes, in a buffer that the next call reuses; undefined when it is larger, or not of one size. */
function readIfSmall(path: string): Buffer | undefined {
  const fd = openSync(path, "r");
  try {
    const sizeBytes = fstatSync(fd).size;
    return sizeBytes <= SMALL_BYTES ? readSmall({ path, fd, sizeBytes }) : undefined;
  } finally {
    closeSync(fd);
  }
}

/** Small content that is a delta; undefined when it does not decode, so that the long way tells what is wrong. */
async function decodeDelta(name: ObjectName, encoded: Buffer, { expectedSize: limitBytes, openBase }: MaterialiseOptions): Promise<Buffer | undefined> {
  const base = await openBase!(name.base!);
  try {
    return decodeWhole(name, encoded, { limitBytes, base });
  } catch (error) {
    if (isBallastError(error, "OBJECT_CORRUPT")) return undefined;
    throw error;
  } finally {
    base.close();
  }
}

/** Lets the file system share the blocks, and hashes what it shared. */
async function materialiseClone(path: string, name: ObjectName, temporary: string, options: MaterialiseOptions): Promise<FileStat | undefined> {
  let fd: number | undefined;
  try {
    fd = openClone(path, temporary, modeOf(options));
  } catch (error) {
    return failed(temporary, options)(error);
  }
  if (fd === undefined) return undefined;
  return finish(fd, temporary, async () => {
    const sizeBytes = fstatSync(fd).size;
    checkSize(name, sizeBytes, options);
    for await (const chunk of decodeVerified(name, readChunks(fd, sizeBytes, options.signal), options)) options.onBytes?.(chunk.length);
  });
}

function writeWhole(content: Buffer, name: ObjectName, temporary: string, options: MaterialiseOptions): Promise<FileStat> {
  checkSize(name, content.length, options);
  const fd = create(temporary, options);
  return finish(fd, temporary, () => writeAll(fd, content, temporary, options));
}

/**
 * As {@link materialise}, at once, of a content that was found to have its oid and size.
 * @throws DISK_FULL, FILE_DENIED; nothing is left at `temporary` then
 */
export function materialiseContent(content: Buffer, temporary: string, options: Pick<MaterialiseOptions, "exec" | "label">): void {
  const fd = create(temporary, options);
  try {
    writeAll(fd, content, temporary, options);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  } finally {
    closeSync(fd);
  }
}

/**
 * As {@link materialise}, of a raw object that was found right while it was written a moment ago: the file system copies the
 * file, or shares its blocks, and nothing is read again.
 * @returns whether there is a file now; none is made of an object of another size
 * @throws DISK_FULL, FILE_DENIED; nothing is left at `temporary` then
 */
export async function materialiseFile(path: string, temporary: string, options: Pick<MaterialiseOptions, "exec" | "label"> & { readonly sizeBytes: number }): Promise<boolean> {
  // The copy takes the source's mode; what the umask leaves of ours is told by a file made in the ordinary way.
  const fd = create(temporary, options);
  try {
    const { mode } = fstatSync(fd);
    closeSync(fd);
    await copyFile(path, temporary, constants.COPYFILE_FICLONE);
    await chmod(temporary, mode & 0o777);
    if ((await stat(temporary)).size === options.sizeBytes) return true;
    rmSync(temporary, { force: true });
    return false;
  } catch (error) {
    rmSync(temporary, { force: true });
    return failed(temporary, options)(error);
  }
}

function writeAll(fd: number, content: Buffer, temporary: string, options: MaterialiseOptions): void {
  try {
    for (let at = 0; at < content.length; ) at += writeSync(fd, content, at);
  } catch (error) {
    failed(temporary, options)(error);
  }
  options.onBytes?.(content.length);
}

async function finish(fd: number, temporary: string, fill: () => void | Promise<void>): Promise<FileStat> {
  let whole = false;
  try {
    await fill();
    const stat = fileStat(fstatSync(fd, { bigint: true }));
    whole = true;
    return stat;
  } finally {
    closeSync(fd);
    if (!whole) rmSync(temporary, { force: true });
  }
}

function create(temporary: string, options: MaterialiseOptions): number {
  try {
    return openSync(temporary, "wx", modeOf(options));
  } catch (error) {
    return failed(temporary, options)(error);
  }
}

function modeOf({ exec }: MaterialiseOptions): number {
  return exec ? 0o777 : 0o666;
}

function checkSize(name: ObjectName, sizeBytes: number, { expectedSize }: MaterialiseOptions): void {
  if (expectedSize === undefined || sizeBytes === expectedSize) return;
  throw corruptObject(name, `its content is ${sizeBytes} bytes long, not ${expectedSize}`);
}

function readSync<T>(store: DirectoryStore, name: ObjectName, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw store.readFailure(error, objectKey(name));
  }
}

function failed(temporary: string, { label }: MaterialiseOptions): (error: unknown) => never {
  return (error) => {
    throw fromSystemError(error, label === undefined ? `cannot write ${temporary}` : `cannot restore ${label}`);
  };
}
