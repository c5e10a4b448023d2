/*
 * How the address of a COPY is written (RFC 3284, section 5): as it is, backwards from here, forwards from one of the
 * last four addresses, or as one byte that picks one of 768 addresses seen before. Addresses run through the source
 * segment and then through what the window has made so far.
 */
import { damaged } from "./format.ts";
import { varintSize, type Cursor } from "./varint.ts";

const NEAR = 4;
const SAME = 3 * 256;

/** Address modes: SELF, HERE, then four near and three same. */
export const SELF_MODE = 0;
export const HERE_MODE = 1;
export const NEAR_MODE = 2;
export const SAME_MODE = NEAR_MODE + NEAR;

/** The state that encoder and decoder of a window share; `reset` it before each window. */
export class AddressCache {
  /** After `encode`: what to write, as a varint in the modes below {@link SAME_MODE} and as one byte from there on. */
  value = 0;
  readonly #near = new Float64Array(NEAR);
  readonly #same = new Float64Array(SAME);
  #slot = 0;

  reset(): void {
    this.#near.fill(0);
    this.#same.fill(0);
    this.#slot = 0;
  }

  /**
   * Reads an address.
   * @param here what lies before the copy: all of the source segment and the window's bytes so far
   * @throws OBJECT_CORRUPT for one that is not below `here`
   */
  decode(addresses: Cursor, mode: number, here: number): number {
    let address: number;
    if (mode >= SAME_MODE) address = this.#same[(mode - SAME_MODE) * 256 + addresses.byte()]!;
    else if (mode >= NEAR_MODE) address = this.#near[mode - NEAR_MODE]! + addresses.varint();
    else if (mode === HERE_MODE) address = here - addresses.varint();
    else address = addresses.varint();
    if (!(address >= 0 && address < here)) throw damaged("it copies from where nothing is");
    this.#update(address);
    return address;
  }

  /**
   * Chooses the mode in which an address takes the fewest bytes, the lowest of several, and sets `value`.
   * @returns the mode
   */
  encode(address: number, here: number): number {
    let mode = SELF_MODE;
    let value = address;
    if (here - address < value) {
      mode = HERE_MODE;
      value = here - address;
    }
    let size = varintSize(value);
    // Equal sizes, the lower mode: more codes pair it with an ADD.
    if (mode === HERE_MODE && varintSize(address) === size) {
      mode = SELF_MODE;
      value = address;
    }
    for (let i = 0; i < NEAR && size > 1; i++) {
      const distance = address - this.#near[i]!;
      if (distance < 0 || varintSize(distance) >= size) continue;
      mode = NEAR_MODE + i;
      value = distance;
      size = varintSize(distance);
    }
    const slot = slotOf(address);
    if (size > 1 && this.#same[slot] === address) {
      mode = SAME_MODE + (slot >> 8);
      value = slot & 255;
    }
    this.value = value;
    this.#update(address);
    return mode;
  }

  #update(address: number): void {
    this.#near[this.#slot] = address;
    this.#slot = (this.#slot + 1) & (NEAR - 1);
    this.#same[slotOf(address)] = address;
  }
}

/** Where among the same addresses one belongs. Integers of 31 bits divide many times faster than others. */
function slotOf(address: number): number {
  return address <= 0x7fff_ffff ? (address | 0) % SAME : address % SAME;
}
