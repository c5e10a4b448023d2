import type { ByteSource } from "../store/port.ts";
import { readFileChunks } from "../util/file-chunks.ts";

/**
 * A file's bytes. The file is opened anew for each read and must not change meanwhile; whoever writes from it checks
 * the size, and the hash when it is given.
 */
export function fileSource(path: string, sizeBytes: number, sha256?: string): ByteSource {
  return {
    sizeBytes,
    ...(sha256 === undefined ? {} : { sha256 }),
    open: (range, signal) => readFileChunks(path, range, signal),
  };
}

/** Bytes that are in memory, which must not change. */
export function bufferSource(bytes: Uint8Array, sha256?: string): ByteSource {
  return {
    sizeBytes: bytes.length,
    ...(sha256 === undefined ? {} : { sha256 }),
    async *open({ start, end }, signal) {
      signal?.throwIfAborted();
      if (end > start) yield bytes.subarray(start, end);
    },
  };
}

/** Bytes in memory that have just been found to have this SHA-256: whoever writes them need not hash them once more. */
export function verifiedSource(verified: Buffer, sha256: string): ByteSource {
  return { ...bufferSource(verified, sha256), sha256, verified };
}
