import type { BaseIndex } from "./base-index.ts";
import type { Blocks } from "./blocks.ts";
import { Comparison } from "./comparison.ts";
import { ADD, COPY_BASE, GAP, type Script } from "./script.ts";
import { nextSeed, SEED_BYTES, seedKey } from "./seeds.ts";

/** A copy of fewer bytes than this is not written, even where content slid along and its address costs nothing. */
const MIN_COPY_BYTES = 2;
/** A stretch shorter than this is not worth an address. */
const MIN_STRETCH_BYTES = 64;
/** What an address costs that is not the one before, about, after gzip. */
const ADDRESS_BYTES = 8;
/** With an exact match of so many bytes the other places of a seed are not looked at. */
const SURE_BYTES = 4096;

/** A part of a window that nothing in the base was found for. */
export interface Gap {
  /** Offsets in the window. */
  readonly start: number;
  readonly end: number;
  /** The position in the base where something like it would stand, going by what stands beside it. */
  readonly near: number;
}

/**
 * Finds where a target's bytes stand in the base: seeds tell of places, which are extended as long as most bytes
 * agree. Code that was moved and had its addresses changed becomes one long stretch at one shift, of which copies and
 * short additions are made. What moved is found at any distance.
 */
export class Aligner {
  readonly #index: BaseIndex;
  readonly #comparison: Comparison;
  readonly #baseBytes: number;
  /** Position in the base minus position in the target, of the last stretch. */
  #lag = 0;

  constructor(base: Blocks, index: BaseIndex) {
    this.#index = index;
    this.#baseBytes = base.sizeBytes;
    this.#comparison = new Comparison(base);
  }

  /**
   * Writes one window as copies from the base, additions, and gaps.
   * @param position where the window stands in the target
   * @returns the gaps
   */
  align(window: Buffer, position: number, script: Script): Gap[] {
    const index = this.#index;
    const gaps: Gap[] = [];
    this.#comparison.setWindow(window);
    let shift = position + this.#lag;
    let done = this.#goOn(shift, script);
    const gapUntil = (end: number, near: number): void => {
      if (end > done) gaps.push({ start: done, end, near });
      script.push(GAP, done, end - done);
    };
    for (let at = done; (at = nextSeed(window, at, window.length, index.spacingBits)) >= 0; ) {
      if (at - SEED_BYTES < done) continue;
      const found = this.#longest(window, at, done, shift);
      if (!found) continue;
      const start = this.#comparison.stretchStart(found.start, found.shift, done);
      const end = this.#comparison.stretchEnd(found.end, found.shift);
      if (end - start < MIN_STRETCH_BYTES) continue;
      gapUntil(start, done === 0 ? start + found.shift : done + shift);
      this.#write(start, end, found.shift, script);
      shift = found.shift;
      done = at = end;
    }
    gapUntil(window.length, done + shift);
    this.#lag = shift - position;
    return gaps;
  }

  /** Content goes on in the next window as it did in the last. @returns how far */
  #goOn(shift: number, script: Script): number {
    if (shift < 0 || shift >= this.#baseBytes) return 0;
    const end = this.#comparison.stretchEnd(0, shift);
    if (end < MIN_STRETCH_BYTES) return 0;
    this.#write(0, end, shift, script);
    return end;
  }

  /** The longest exact match around the seed that ends at `at`, not before `limit`. */
  #longest(window: Buffer, at: number, limit: number, lastShift: number): { start: number; end: number; shift: number } | undefined {
    const index = this.#index;
    const comparison = this.#comparison;
    let best: { start: number; end: number; shift: number } | undefined;
    let most = 0;
    const key = seedKey(window, at);
    for (let place = index.find(key); place >= 0; place = index.next(place)) {
      const shift = index.end(place) - at;
      if (!comparison.equals(at - SEED_BYTES, at, shift)) continue;
      const end = comparison.runEnd(at, shift);
      const start = comparison.runStart(at - SEED_BYTES, shift, limit);
      const worth = end - start + (shift === lastShift ? ADDRESS_BYTES : 0);
      if (worth <= most) continue;
      best = { start, end, shift };
      most = worth;
      if (end - start >= SURE_BYTES) break;
    }
    return best;
  }

  /** Writes a stretch: what equals the base as copies, and what differs as additions. */
  #write(start: number, end: number, shift: number, script: Script): void {
    const comparison = this.#comparison;
    let written = start;
    for (let at = start; at < end; ) {
      const runEnd = comparison.runEnd(at, shift, end);
      if (runEnd - at >= MIN_COPY_BYTES) {
        script.push(ADD, written, at - written);
        script.push(COPY_BASE, at + shift, runEnd - at);
        written = runEnd;
      }
      at = runEnd + 1;
    }
    script.push(ADD, written, end - written);
  }
}
