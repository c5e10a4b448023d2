import { fstatSync } from "node:fs";
import { open } from "node:fs/promises";

const CHUNK_BYTES = 512 * 1024;
/** What is asked for where the file should have ended. */
const BEYOND_BYTES = 512;

/**
 * The bytes of a file from `start` up to and without `end` (or the file's end). Each chunk belongs to the receiver.
 * Ends early where the file does; throws Node's own errors, and the signal's reason on an abort.
 */
export async function* readFileChunks(
  path: string,
  { start = 0, end = Infinity }: { start?: number; end?: number } = {},
  signal?: AbortSignal,
): AsyncGenerator<Buffer> {
  signal?.throwIfAborted();
  const file = await open(path, "r");
  try {
    // Of many small files, buffers of full size would cost more than all else.
    const { size: sizeBytes } = fstatSync(file.fd);
    for (let at = start; at < end; ) {
      signal?.throwIfAborted();
      const wanted = Math.min(CHUNK_BYTES, end - at, Math.max(BEYOND_BYTES, sizeBytes - at));
      const { bytesRead, buffer } = await file.read(Buffer.allocUnsafeSlow(wanted), 0, wanted, at);
      if (bytesRead === 0) return;
      at += bytesRead;
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    await file.close();
  }
}
