import { HERE_MODE, NEAR_MODE, SAME_MODE, SELF_MODE } from "./vcdiff/address-cache.ts";
import { varintSize, writeVarint } from "./vcdiff/varint.ts";

const NEAR = 4;
const SAME = 768;
/** Distances that are remembered: about as many as gzip finds cheap to repeat. */
const DISTANCES = 8;

/**
 * Writes the addresses of a window's copies, for a stream that is gzipped afterwards. Where content only slid along,
 * the distance between a copy and its source is always the same, so "so far back from here" repeats the same bytes,
 * and gzip makes next to nothing of them; the shortest mode would give one byte a copy that no two have in common. On
 * the binaries in docs/decisions/0014 that takes a fifth off the gzipped delta.
 */
export class AddressWriter {
  readonly bytes: Buffer;
  length = 0;
  readonly #near = new Float64Array(NEAR);
  readonly #same = new Float64Array(SAME);
  #slot = 0;
  /** The last distances that were written as such, newest first. */
  readonly #distances: number[] = [];

  /** @param copies how many addresses there will be at most */
  constructor(copies: number) {
    this.bytes = Buffer.allocUnsafe(copies * 8);
  }

  /**
   * @param here the address that the copy makes
   * @param repeats whether the next copy stands at the same distance from its source
   * @returns the mode
   */
  write(address: number, here: number, repeats: boolean): number {
    const distance = here - address;
    const known = this.#distances.indexOf(distance);
    let mode = HERE_MODE;
    let value = distance;
    if (known < 0 && !repeats) {
      let size = varintSize(distance);
      if (varintSize(address) <= size) {
        mode = SELF_MODE;
        value = address;
        size = varintSize(address);
      }
      for (let i = 0; i < NEAR; i++) {
        const ahead = address - this.#near[i]!;
        if (ahead < 0 || varintSize(ahead) >= size) continue;
        mode = NEAR_MODE + i;
        value = ahead;
        size = varintSize(ahead);
      }
      const slot = address % SAME;
      if (size > 1 && this.#same[slot] === address) {
        mode = SAME_MODE + (slot >> 8);
        value = slot & 255;
      }
    }
    if (mode === HERE_MODE) this.#remember(distance, known);
    if (mode >= SAME_MODE) this.bytes[this.length++] = value;
    else this.length = writeVarint(this.bytes, this.length, value);
    this.#near[this.#slot] = address;
    this.#slot = (this.#slot + 1) % NEAR;
    this.#same[address % SAME] = address;
    return mode;
  }

  #remember(distance: number, known: number): void {
    if (known === 0) return;
    if (known > 0) this.#distances.splice(known, 1);
    this.#distances.unshift(distance);
    if (this.#distances.length > DISTANCES) this.#distances.pop();
  }
}
