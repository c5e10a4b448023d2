import { closeSync, fstatSync, openSync, readSync } from "node:fs";

/** Bytes that can be read at any position, again and again, and do not change meanwhile. */
export interface RandomAccess {
  readonly sizeBytes: number;
  /** All of them, where they are in memory. */
  readonly bytes?: Uint8Array;
  /**
   * Fills all of `into` with the bytes from `position` on, at once.
   * @throws RangeError when there are not that many
   */
  read(into: Uint8Array, position: number): void;
  /** Releases what was opened; nothing is read afterwards. */
  close(): void;
}

/**
 * A file's bytes, by position.
 * @throws Node's own errors
 */
export function openFileAccess(path: string): RandomAccess {
  return fileAccess(openSync(path, "r"), { owned: true });
}

/** The bytes of an open file; `close` closes it when it is `owned`. */
export function fileAccess(fd: number, { owned = false } = {}): RandomAccess {
  const sizeBytes = fstatSync(fd).size;
  return {
    sizeBytes,
    read(into, position) {
      for (let length = 0; length < into.length; ) {
        const count = readSync(fd, into, length, into.length - length, position + length);
        if (count === 0) throw new RangeError(`the file ends before byte ${position + into.length}`);
        length += count;
      }
    },
    close: () => {
      if (owned) closeSync(fd);
    },
  };
}

/** Bytes that are in memory. */
export function memoryAccess(bytes: Uint8Array): RandomAccess {
  return {
    sizeBytes: bytes.length,
    bytes,
    read(into, position) {
      if (position < 0 || position + into.length > bytes.length) throw new RangeError(`the bytes end before byte ${position + into.length}`);
      into.set(bytes.subarray(position, position + into.length));
    },
    close: () => {},
  };
}
