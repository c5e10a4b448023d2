import { closeSync, fsyncSync, futimesSync, mkdirSync, openSync, renameSync, rmSync, statSync, writeSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fromSystemError } from "../errors.ts";

/**
 * Replaces a file: whoever reads it sees the old content or the new, also after a power cut.
 * @param content the whole of it, or texts that are written one after the other
 * @throws DISK_FULL, FILE_DENIED
 */
export function writeAtomically(file: string, content: string | Uint8Array | Generator<string>, { mode = 0o666, mtime, aside }: AtomicOptions = {}): void {
  let temporary = `${file}.${process.pid}.tmp`;
  const pieces = typeof content === "string" || content instanceof Uint8Array ? [content] : content;
  try {
    mkdirSync(dirname(file), { recursive: true });
    if (aside !== undefined && isBeside(aside, file)) temporary = join(aside, basename(temporary));
    const fd = openSync(temporary, "w", mode);
    try {
      for (const piece of pieces) {
        const bytes = typeof piece === "string" ? Buffer.from(piece) : piece;
        for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
      }
      if (mtime !== undefined) futimesSync(fd, mtime, mtime);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    renameSync(temporary, file);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw fromSystemError(error, `cannot write ${file}`);
  }
}

interface AtomicOptions {
  readonly mode?: number;
  /** The modification time that the new file has from the first moment, in seconds since 1970. */
  readonly mtime?: number;
  /**
   * Where the unfinished file is, so that a killed process leaves nothing beside `file` for Git to see. It stands
   * beside `file` nevertheless when this directory is on another file system.
   */
  readonly aside?: string;
}

function isBeside(directory: string, file: string): boolean {
  mkdirSync(directory, { recursive: true });
  return statSync(directory).dev === statSync(dirname(file)).dev;
}
