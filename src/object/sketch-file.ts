import type { Sketch } from "../delta/sketch.ts";
import { BallastError } from "../errors.ts";
import { fileAccess } from "../util/random-access.ts";
import { readStable } from "./stable-file.ts";

/** Of a larger file the beginning stands for the whole, in bytes: whoever takes two for alike looks closer later. */
export const SKETCHED_BYTES = 64 * 1024 * 1024;

/** A summary of a file's content, for finding files that are alike; undefined for one that cannot be read just now. */
export async function sketchFile(path: string): Promise<Sketch | undefined> {
  const { sketch } = await import("../delta/sketch.ts");
  try {
    const { made } = await readStable(path, ({ fd, sizeBytes }) => sketch({ ...fileAccess(fd), sizeBytes: Math.min(sizeBytes, SKETCHED_BYTES) }));
    return made;
  } catch (error) {
    // It will be reported by whoever stores the file. A RangeError is a file that has shrunk.
    if (error instanceof BallastError || error instanceof RangeError) return undefined;
    throw error;
  }
}
