import { rmSync } from "node:fs";
import type { DirectoryStore } from "../store/directory.ts";
import type { TemporaryFile } from "../store/temporary.ts";
import { fileAccess, memoryAccess, type RandomAccess } from "../util/random-access.ts";
import { SMALL_BYTES } from "./stable-file.ts";

/** Bytes that came one after the other and can be read at any position. */
export interface Spooled extends RandomAccess {
  /** Whether they take disk space, and no memory to speak of. */
  readonly inFile: boolean;
}

/**
 * Keeps content for reading at any position: in memory while it is small, else in a file of the store's `tmp` that has
 * no name any more, so that nothing stays behind when the process is killed.
 * @param content its chunks may be reused once the next one is asked for; nothing is kept when it throws
 * @throws DISK_FULL, STORE_READ_ONLY, and what `content` throws
 */
export async function spool(content: AsyncIterable<Uint8Array>, store: DirectoryStore): Promise<Spooled> {
  let chunks: Buffer[] = [];
  let sizeBytes = 0;
  let file: TemporaryFile | undefined;
  const write = (bytes: Uint8Array): Promise<void> => file!.write(bytes).catch((error) => Promise.reject(store.writeFailure(error)));
  try {
    for await (const chunk of content) {
      sizeBytes += chunk.length;
      if (sizeBytes <= SMALL_BYTES) {
        chunks.push(Buffer.from(chunk));
        continue;
      }
      if (!file) {
        file = nameless(store);
        for (const kept of chunks) await write(kept);
        chunks = [];
      }
      await write(chunk);
    }
  } catch (error) {
    file?.discard();
    throw error;
  }
  if (!file) return { ...memoryAccess(Buffer.concat(chunks)), inFile: false };
  const written = file;
  return { ...fileAccess(written.fd), inFile: true, close: () => written.discard() };
}

function nameless(store: DirectoryStore): TemporaryFile {
  const file = store.temporary();
  try {
    rmSync(file.path, { force: true });
  } catch {
    // Where an open file keeps its name, `discard` takes it away, or the store's cleaning does a day later.
  }
  return file;
}
