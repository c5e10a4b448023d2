import { closeSync, fstatSync, openSync } from "node:fs";
import { isDirectoryStore, type DirectoryStore } from "../store/directory.ts";
import type { Store } from "../store/port.ts";
import { readChunks } from "./stable-file.ts";

/**
 * The bytes of an object as `Store.read` lends them, for a reader that is done with each chunk when it asks for the next:
 * those of a directory come in two buffers by turns, and so of a large object nothing is left for the engine to collect.
 * @throws what `Store.read` throws
 */
export function readEncoded(store: Store, key: string, signal?: AbortSignal): AsyncIterable<Uint8Array> {
  return isDirectoryStore(store) ? readOver(store, key, signal) : store.read(key, undefined, signal, "lent");
}

async function* readOver(store: DirectoryStore, key: string, signal: AbortSignal | undefined): AsyncGenerator<Uint8Array> {
  signal?.throwIfAborted();
  let fd: number | undefined;
  try {
    fd = openSync(store.pathOf(key), "r");
    yield* readChunks(fd, fstatSync(fd).size, signal);
  } catch (error) {
    throw store.readFailure(error, key);
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}
