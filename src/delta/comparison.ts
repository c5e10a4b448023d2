import type { Blocks } from "./blocks.ts";

/** Fuzzy matching ends where, over the last bytes, so many more differ than agree. */
const PATIENCE_BYTES = 6;
/** So many equal bytes in a row, and comparing goes on in blocks. */
const RUN_BYTES = 32;
const MAX_STEP_BYTES = 64 * 1024;

/**
 * Compares a window of the target with the base at a shift: the byte at offset `at` of the window stands against the
 * one at position `at + shift` of the base. Callers see to it that the offset they begin at is inside of both.
 */
export class Comparison {
  readonly #base: Blocks;
  #window: Buffer = Buffer.alloc(0);

  constructor(base: Blocks) {
    this.#base = base;
  }

  setWindow(window: Buffer): void {
    this.#window = window;
  }

  equalsAt(at: number, shift: number): boolean {
    const base = this.#base;
    base.seek(at + shift);
    return this.#window[at] === base.bytes[at + shift - base.start];
  }

  equals(start: number, end: number, shift: number): boolean {
    for (let at = start; at < end; at++) if (!this.equalsAt(at, shift)) return false;
    return true;
  }

  /** Where the run of equal bytes that begins at `at` ends; `at` itself when they differ there. */
  runEnd(at: number, shift: number, end = this.#window.length): number {
    const base = this.#base;
    const window = this.#window;
    const limit = Math.min(end, base.sizeBytes - shift);
    for (let step = 1; at < limit; ) {
      base.seek(at + shift);
      const bytes = base.bytes;
      const offset = shift - base.start;
      const stop = Math.min(limit, base.end - shift);
      if (step <= RUN_BYTES) {
        const near = Math.min(stop, at + RUN_BYTES);
        while (at < near && window[at] === bytes[at + offset]) at++;
        if (at < near) return at;
        step = 2 * RUN_BYTES;
        continue;
      }
      const next = Math.min(stop, at + step);
      if (window.compare(bytes, at + offset, next + offset, at, next) === 0) {
        at = next;
        step = Math.min(MAX_STEP_BYTES, step * 4);
      } else {
        // The difference is near: closer and closer, then byte by byte.
        step = Math.min(step, next - at) >> 2;
      }
    }
    return at;
  }

  /** Where the run of equal bytes that ends before `at` begins, not below `limit`. */
  runStart(at: number, shift: number, limit: number): number {
    const stop = Math.max(limit, -shift);
    while (at > stop && this.equalsAt(at - 1, shift)) at--;
    return at;
  }

  /** How far from `at` on the bytes mostly agree; what ends the stretch agrees. */
  stretchEnd(at: number, shift: number): number {
    const base = this.#base;
    const window = this.#window;
    const limit = Math.min(window.length, base.sizeBytes - shift);
    let end = at;
    let score = 0;
    let best = 0;
    let run = 0;
    while (at < limit) {
      base.seek(at + shift);
      const bytes = base.bytes;
      const offset = shift - base.start;
      const stop = Math.min(limit, base.end - shift);
      for (; at < stop && run < RUN_BYTES; at++) {
        if (window[at] !== bytes[at + offset]) {
          run = 0;
          if (--score < best - PATIENCE_BYTES) return end;
        } else {
          run++;
          if (++score > best) {
            best = score;
            end = at + 1;
          }
        }
      }
      if (run === RUN_BYTES) {
        end = at = this.runEnd(at, shift);
        score = best = run = 0;
      }
    }
    return end;
  }

  /** As {@link stretchEnd}, backwards: how far below `at` the bytes mostly agree, not below `limit`. */
  stretchStart(at: number, shift: number, limit: number): number {
    const stop = Math.max(limit, -shift);
    let start = at;
    let score = 0;
    let best = 0;
    while (at > stop) {
      if (!this.equalsAt(--at, shift)) {
        if (--score < best - PATIENCE_BYTES) break;
      } else if (++score > best) {
        best = score;
        start = at;
      }
    }
    return start;
  }
}
