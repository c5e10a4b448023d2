import { closeSync, openSync, readSync } from "node:fs";

const PIECE_BYTES = 64 * 1024;

/**
 * A file in pieces that end behind a line feed, all but the last one if the file does not: of what may have a million lines,
 * nobody holds more. Each piece is valid until the next one is asked for. Throws Node's own errors.
 */
export function* wholeLines(file: string): Generator<Buffer> {
  const fd = openSync(file, "r");
  try {
    let buffer = Buffer.allocUnsafeSlow(PIECE_BYTES);
    let held = 0;
    for (;;) {
      if (held === buffer.length) buffer = Buffer.concat([buffer, buffer]);
      const read = readSync(fd, buffer, held, buffer.length - held, null);
      const end = read === 0 ? held : buffer.lastIndexOf(LINE_FEED, held + read - 1) + 1;
      held += read;
      if (end > 0) {
        yield buffer.subarray(0, end);
        buffer.copy(buffer, 0, end, held);
        held -= end;
      }
      if (read === 0) return;
    }
  } finally {
    closeSync(fd);
  }
}

const LINE_FEED = 10;
