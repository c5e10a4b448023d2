/*
 * What makes one window of the target, as instructions that know neither codes nor address modes yet. They follow one
 * another without a hole, so each one's place in the window is the sum of the lengths before it.
 */

/** Bytes for which nothing was found yet. */
export const GAP = 0;
export const ADD = 1;
export const RUN = 2;
/** From the base. */
export const COPY_BASE = 3;
/** From what the same window has made. */
export const COPY_TARGET = 4;

export class Script {
  count = 0;
  #kinds: Uint8Array;
  #lengths: Int32Array;
  #from: Float64Array;

  /** @param room for instructions; grows by itself */
  constructor(room = 1024) {
    this.#kinds = new Uint8Array(room);
    this.#lengths = new Int32Array(room);
    this.#from = new Float64Array(room);
  }

  kind(i: number): number {
    return this.#kinds[i]!;
  }

  length(i: number): number {
    return this.#lengths[i]!;
  }

  /** Where the bytes stand: the position in the base for a COPY_BASE, else the offset in the window. */
  from(i: number): number {
    return this.#from[i]!;
  }

  clear(): void {
    this.count = 0;
  }

  /** Appends an instruction, and joins it with the one before where the two are one. */
  push(kind: number, from: number, length: number): void {
    if (length === 0) return;
    const last = this.count - 1;
    if (last >= 0 && (kind === ADD || kind === COPY_BASE) && this.#kinds[last] === kind && this.#from[last]! + this.#lengths[last]! === from) {
      this.#lengths[last]! += length;
      return;
    }
    if (this.count === this.#kinds.length) this.#grow();
    this.#kinds[this.count] = kind;
    this.#lengths[this.count] = length;
    this.#from[this.count] = from;
    this.count++;
  }

  #grow(): void {
    const grown = <A extends Uint8Array | Int32Array | Float64Array>(old: A, array: A): A => {
      array.set(old);
      return array;
    };
    const room = this.count * 2;
    this.#kinds = grown(this.#kinds, new Uint8Array(room));
    this.#lengths = grown(this.#lengths, new Int32Array(room));
    this.#from = grown(this.#from, new Float64Array(room));
  }
}
