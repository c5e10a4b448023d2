import { isBallastError } from "../errors.ts";
import type { DirectoryStore } from "../store/directory.ts";
import type { StoredObject } from "../store/port.ts";
import { isUnreadable } from "./check.ts";
import { copyObject } from "./copy.ts";
import { toPlain, type PlainError } from "./plain-error.ts";

/** An object to be copied to another directory; plain data. */
export interface CopyJob {
  /** A whole one, with no base. */
  readonly object: StoredObject;
  /** What its content takes, in bytes: progress is told in these. */
  readonly contentBytes: number;
  /** See `CopyOptions`. */
  readonly link?: boolean | undefined;
}

/** What came of it: a failure that concerns this object alone is an answer. */
export type Copied = { readonly outcome: "created" | "exists" } | { readonly failure: PlainError };

/**
 * As `copyObject`, without making the new name durable.
 * @param onBytes told of bytes of the content as the object moves, and in the end of all of them, whatever came of it
 * @throws what does not concern this object alone; the signal's reason
 */
export async function copyAsJob(
  { object, contentBytes, link }: CopyJob,
  from: DirectoryStore,
  to: DirectoryStore,
  { signal, onBytes }: { readonly signal: AbortSignal; readonly onBytes: (bytes: number) => void },
): Promise<Copied> {
  let moved = 0;
  let told = 0;
  const tell = (bytes: number): void => {
    onBytes(bytes - told);
    told = bytes;
  };
  try {
    const outcome = await copyObject(from, to, object, {
      link,
      signal,
      namesLater: true,
      report: (event) => {
        if (event.kind !== "bytes") return;
        moved = Math.min(object.sizeBytes, moved + event.bytes);
        tell(Math.floor((moved / object.sizeBytes) * contentBytes));
      },
    });
    tell(contentBytes);
    return { outcome };
  } catch (error) {
    signal.throwIfAborted();
    if (!isBallastError(error, "OBJECT_MISSING", "OBJECT_CORRUPT", "OBJECT_ARCHIVED", "ENCODING_UNKNOWN") && !isUnreadable(error)) throw error;
    tell(contentBytes);
    return { failure: toPlain(error) };
  }
}
