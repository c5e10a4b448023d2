import { fstatSync, mkdirSync, openSync, readSync, rmSync } from "node:fs";
import { join } from "node:path";

/**
 * A new file without a name: nothing of it is left, however the process ends.
 * @returns the descriptor, for reading and writing
 */
export function openUnnamed(directory: string): number {
  mkdirSync(directory, { recursive: true });
  const file = join(directory, `unnamed.${process.pid}`);
  const fd = openSync(file, "w+");
  rmSync(file);
  return fd;
}

/** All that is in a file, as far as nobody shortens it meanwhile. */
export function readWhole(fd: number): Buffer {
  const bytes = Buffer.allocUnsafeSlow(fstatSync(fd).size);
  for (let at = 0; at < bytes.length; ) {
    const count = readSync(fd, bytes, at, bytes.length - at, at);
    if (count === 0) return bytes.subarray(0, at);
    at += count;
  }
  return bytes;
}
