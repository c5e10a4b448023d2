import type { CompressionSettings } from "../../config/settings.ts";
import { corruptObject, verify } from "../../object/encodings.ts";
import { gzip, gzipWhole } from "../../object/gzip.ts";
import type { ObjectName } from "../../object/name.ts";
import { OidHasher, type Oid } from "../../object/oid.ts";
import { estimateGzip, isWorthwhile, shrinks } from "../../object/sample.ts";
import { readChunks, SMALL_BYTES } from "../../object/stable-file.ts";
import type { DirectoryStore } from "../../store/directory.ts";
import type { TemporaryFile } from "../../store/temporary.ts";
import type { RandomAccess } from "../../util/random-access.ts";

const CHUNK_BYTES = 1024 * 1024;

export interface WholeDraft {
  readonly name: ObjectName;
  readonly storedBytes: number;
  readonly file: TemporaryFile;
}

/** Whether samples say that compressing pays. */
export function wouldShrink(content: RandomAccess): boolean {
  return shrinks(content.sizeBytes, (range) => rangeOf(content, range));
}

/** About what the content takes as a whole object, in bytes; exactly, where that is cheap to know. */
export function wholeBytes(content: RandomAccess, compression: CompressionSettings): number {
  const { mode, engine, level } = compression;
  if (content.sizeBytes > SMALL_BYTES) return estimateGzip(content.sizeBytes, (range) => rangeOf(content, range), compression);
  if (mode === "never" || (mode === "auto" && !wouldShrink(content))) return content.sizeBytes;
  const encodedBytes = gzipWhole(rangeOf(content, { start: 0, end: content.sizeBytes }), { engine, level }).length;
  return mode === "always" || isWorthwhile(content.sizeBytes, encodedBytes) ? encodedBytes : content.sizeBytes;
}

/**
 * Makes a whole object of some content, as recording it would, in a temporary file that was decoded and hashed.
 * @throws OBJECT_CORRUPT when the content is not what the oid says; DISK_FULL, the signal's reason
 */
export async function draftWhole(oid: Oid, content: RandomAccess, store: DirectoryStore, compression: CompressionSettings, signal: AbortSignal): Promise<WholeDraft> {
  const { mode, engine, level } = compression;
  const compress = mode === "always" || (mode === "auto" && wouldShrink(content));
  const name: ObjectName = { oid, encoding: compress ? "gzip" : "raw" };
  const file = store.temporary();
  try {
    const bytes = hashed(oid, chunksOf(content, signal));
    for await (const chunk of compress ? gzip(bytes, { engine, level }) : bytes) await file.write(chunk).catch((error) => Promise.reject(store.writeFailure(error)));
    const storedBytes = file.sizeBytes;
    if (compress && mode === "auto" && content.sizeBytes <= SMALL_BYTES && !isWorthwhile(content.sizeBytes, storedBytes)) {
      file.discard();
      return await draftWhole(oid, content, store, { ...compression, mode: "never" }, signal);
    }
    await verify(name, readChunks(file.fd, storedBytes, signal), { signal });
    return { name, storedBytes, file };
  } catch (error) {
    file.discard();
    throw error;
  }
}

async function* chunksOf(content: RandomAccess, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  for (let start = 0; start < content.sizeBytes; start += CHUNK_BYTES) {
    signal.throwIfAborted();
    yield rangeOf(content, { start, end: Math.min(content.sizeBytes, start + CHUNK_BYTES) });
  }
}

async function* hashed(oid: Oid, chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const hasher = new OidHasher();
  for await (const chunk of chunks) {
    hasher.update(chunk);
    yield chunk;
  }
  const found = hasher.digest();
  if (found !== oid) throw corruptObject({ oid, encoding: "raw" }, `its content hashes to ${found}`);
}

function rangeOf(content: RandomAccess, { start, end }: { start: number; end: number }): Buffer {
  const bytes = Buffer.allocUnsafe(end - start);
  content.read(bytes, start);
  return bytes;
}
