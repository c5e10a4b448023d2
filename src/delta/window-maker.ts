import type { RandomAccess } from "../util/random-access.ts";
import { BaseReader, copyBytes } from "./base-reader.ts";
import { AddressCache } from "./vcdiff/address-cache.ts";
import { adler32 } from "./vcdiff/adler32.ts";
import { damaged } from "./vcdiff/format.ts";
import { forEachInstruction, type InstructionVisitor } from "./vcdiff/instructions.ts";
import { cutSections, type WindowHeader } from "./vcdiff/window.ts";

/** Makes the targets of windows, one after the other. */
export class WindowMaker implements InstructionVisitor {
  readonly #base: BaseReader;
  readonly #checksums: boolean;
  readonly #cache = new AddressCache();
  /** What the present window is made in, and our own. */
  #target: Uint8Array = new Uint8Array(0);
  #own: Uint8Array = this.#target;
  #made = 0;
  #sourcePosition = 0;
  #sourceBytes = 0;

  /** @param checksums whether targets are held against the windows' checksums */
  constructor(base: RandomAccess, checksums: boolean) {
    this.#base = new BaseReader(base);
    this.#checksums = checksums;
  }

  /**
   * The target of a window.
   * @param header checked by `readWindowHeader` against this base
   * @param sections all of the window's sections
   * @param into has room for it; by default it is in a buffer that the next call overwrites
   * @throws OBJECT_CORRUPT
   */
  make(header: WindowHeader, sections: Uint8Array, into?: Uint8Array): Uint8Array {
    const { targetBytes } = header;
    if (into === undefined && this.#own.length < targetBytes) this.#own = Buffer.allocUnsafeSlow(targetBytes);
    this.#target = into ?? this.#own;
    this.#made = 0;
    this.#sourcePosition = header.sourcePosition;
    this.#sourceBytes = header.sourceBytes;
    forEachInstruction(cutSections(header, sections), this, this.#cache);
    const target = this.#target.subarray(0, targetBytes);
    if (this.#checksums && header.adler32 !== undefined && adler32(target) !== header.adler32) throw damaged("a window does not have its checksum");
    return target;
  }

  /** Gives back what was kept of the base. */
  close(): void {
    this.#base.close();
  }

  add(data: Uint8Array, from: number, length: number): void {
    copyBytes(data, from, this.#target, this.#made, length);
    this.#made += length;
  }

  run(byte: number, length: number): void {
    this.#target.fill(byte, this.#made, this.#made + length);
    this.#made += length;
  }

  copy(address: number, length: number): void {
    let left = length;
    let from = address - this.#sourceBytes;
    if (from < 0) {
      const count = Math.min(left, -from);
      this.#base.copy(this.#sourcePosition + address, this.#target, this.#made, count);
      this.#made += count;
      left -= count;
      from = 0;
    }
    if (left > 0) this.#repeat(from, left);
  }

  /** Copies from the target itself, perhaps bytes that this very copy makes. */
  #repeat(from: number, length: number): void {
    const target = this.#target;
    const end = this.#made + length;
    if (length <= 32) {
      for (let i = from, at = this.#made; at < end; ) target[at++] = target[i++]!;
    } else {
      // What is there doubles with each round.
      for (let at = this.#made; at < end; ) {
        const count = Math.min(end - at, at - from);
        target.copyWithin(at, from, from + count);
        at += count;
      }
    }
    this.#made = end;
  }
}
