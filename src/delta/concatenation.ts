import { ADD, COPY_BASE, COPY_TARGET, RUN, Script } from "./script.ts";
import { readHeader } from "./vcdiff/header.ts";
import { forEachInstruction } from "./vcdiff/instructions.ts";
import { Cursor } from "./vcdiff/varint.ts";
import { cutSections, readWindowHeader, sectionsBytes } from "./vcdiff/window.ts";

/** Shorter copies cost more after gzip than the bytes that they stand for (docs/decisions/0014). */
const MIN_BASE_COPY_BYTES = 20;
/** gzip itself finds what repeats nearby. */
const MIN_TARGET_COPY_BYTES = 24;
const MIN_RUN_BYTES = 8;

/** Offsets in the window. */
export interface Piece {
  readonly start: number;
  readonly end: number;
}

/**
 * Pieces of a window put together into one target, and the way back: what xdelta3 says of the whole, cut at the
 * pieces' ends and said of the window.
 */
export class Concatenation {
  readonly bytes: Buffer;
  readonly #window: Buffer;
  readonly #pieces: readonly Piece[];
  /** Where each piece begins in `bytes`; and the end. */
  readonly #offsets: number[] = [0];

  constructor(window: Buffer, pieces: readonly Piece[]) {
    this.#window = window;
    this.#pieces = pieces;
    for (const { start, end } of pieces) this.#offsets.push(this.#offsets.at(-1)! + end - start);
    this.bytes = Buffer.concat(pieces.map(({ start, end }) => window.subarray(start, end)));
  }

  /** The same in two, about equally long; a piece in the middle is cut. */
  halves(): Concatenation[] {
    const middle = this.bytes.length >> 1;
    const cut = (from: number, to: number): Piece[] =>
      this.#pieces.flatMap(({ start, end }, i) => {
        const at = this.#offsets[i]!;
        const piece = { start: start + Math.max(0, from - at), end: Math.min(end, start + to - at) };
        return piece.end > piece.start ? [piece] : [];
      });
    return [cut(0, middle), cut(middle, this.bytes.length)].map((pieces) => new Concatenation(this.#window, pieces));
  }

  /**
   * Takes a delta of `bytes` apart.
   * @param source what it was made against, and where that begins in the base
   * @param scripts gets the script of each piece, by its offset in the window
   */
  read(encoded: Uint8Array, source: { bytes: Uint8Array; start: number }, scripts: Map<number, Script>): void {
    let made = 0;
    let current = 0;
    const startOf = (offset: number, piece: number): number => this.#pieces[piece]!.start + offset - this.#offsets[piece]!;
    const roomIn = (offset: number, piece: number): number => this.#offsets[piece + 1]! - offset;
    const push = (kind: number, from: number, length: number): void => {
      const { start } = this.#pieces[current]!;
      let script = scripts.get(start);
      if (!script) scripts.set(start, (script = new Script(4)));
      script.push(kind, from, length);
      made += length;
      if (made === this.#offsets[current + 1]) current++;
    };
    const add = (length: number): void => {
      for (let left = length; left > 0; ) {
        const count = Math.min(left, roomIn(made, current));
        push(ADD, startOf(made, current), count);
        left -= count;
      }
    };

    const cursor = new Cursor(encoded);
    readHeader(cursor);
    while (cursor.left > 0) {
      const header = readWindowHeader(cursor, { baseBytes: source.bytes.length, leftBytes: this.bytes.length - made });
      const { sourceBytes, sourcePosition } = header;
      const windowStart = made;
      forEachInstruction(cutSections(header, cursor.take(sectionsBytes(header))), {
        add: (_data, _from, length) => add(length),
        run: (_byte, length) => {
          for (let left = length; left > 0; ) {
            const count = Math.min(left, roomIn(made, current));
            if (count < MIN_RUN_BYTES) add(count);
            else push(RUN, startOf(made, current), count);
            left -= count;
          }
        },
        copy: (address, length) => {
          for (let left = length, at = address; left > 0; ) {
            let count = Math.min(left, roomIn(made, current));
            if (at < sourceBytes) {
              count = Math.min(count, sourceBytes - at);
              if (count < MIN_BASE_COPY_BYTES) add(count);
              else push(COPY_BASE, source.start + sourcePosition + at, count);
            } else {
              const offset = windowStart + at - sourceBytes;
              const piece = this.#pieceAt(offset);
              count = Math.min(count, roomIn(offset, piece));
              if (count < MIN_TARGET_COPY_BYTES) add(count);
              else push(COPY_TARGET, startOf(offset, piece), count);
            }
            left -= count;
            at += count;
          }
        },
      });
    }
  }

  /** The piece that an offset in `bytes` belongs to. */
  #pieceAt(offset: number): number {
    let low = 0;
    let high = this.#pieces.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.#offsets[middle]! <= offset) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}
