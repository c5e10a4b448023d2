import { closeSync, existsSync, fstatSync, openSync } from "node:fs";
import type { BallastError } from "../errors.ts";
import type { DirectoryStore } from "../store/directory.ts";
import type { StoredObject } from "../store/port.ts";
import { corruptObject, decodeWhole } from "./encodings.ts";
import { readSmall } from "./stable-file.ts";

/**
 * Copies a small whole object between two directories: one reading into memory, which is verified and written from
 * there, without a turn of the event loop but for the sync.
 * @param options.decodes whether the content is verified, or the size only
 * @param options.namesLater the caller makes the new name durable by `to.syncNames`
 * @param options.onRead called when the object was found right; what it throws ends the copy
 * @returns "exists" when the target had the object; then nothing was read
 * @throws OBJECT_MISSING, OBJECT_CORRUPT (nothing was published), and what the stores throw
 */
export async function copyWhole(
  from: DirectoryStore,
  to: DirectoryStore,
  object: StoredObject,
  { decodes, namesLater, onRead }: { readonly decodes: boolean; readonly namesLater?: boolean | undefined; readonly onRead: () => void },
): Promise<"created" | "exists"> {
  if (existsSync(to.pathOf(object.key))) return "exists";
  const bytes = readShared(from, object);
  if (decodes) decodeWhole(object.name, bytes);
  onRead();
  return publish(to, object.key, bytes, namesLater);
}

/**
 * Writes verified bytes under the key of an object. They are written before this first waits.
 * @throws DISK_FULL, STORE_READ_ONLY
 */
export async function publish(to: DirectoryStore, key: string, bytes: Uint8Array, namesLater = false): Promise<"created" | "exists"> {
  const file = to.temporary();
  try {
    file.writeSync(bytes);
  } catch (error) {
    file.discard();
    throw to.writeFailure(error);
  }
  const outcome = await to.adopt(file, key);
  if (outcome === "created" && !namesLater) await to.syncNames([key]);
  return outcome;
}

/** A local object's bytes, as many as were listed, in a buffer that the next call reuses. */
function readShared(from: DirectoryStore, object: StoredObject): Buffer {
  try {
    const path = from.pathOf(object.key);
    const fd = openSync(path, "r");
    try {
      const bytes = readSmall({ path, fd, sizeBytes: object.sizeBytes });
      if (!bytes) throw wrongSize(object, fstatSync(fd).size);
      return bytes;
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    throw from.readFailure(error, object.key);
  }
}

/** The object is not as long as it was listed. */
export function wrongSize({ name, sizeBytes: listed }: StoredObject, sizeBytes: number): BallastError {
  return corruptObject(name, `it has ${sizeBytes} bytes where ${listed} were listed`);
}
