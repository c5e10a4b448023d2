import { AddressCache } from "./address-cache.ts";
import { ADD, CODE_TABLE, COPY, NOOP } from "./code-table.ts";
import { damaged } from "./format.ts";
import { Cursor } from "./varint.ts";

/** The three sections of a window and what they refer to. Lengths in bytes. */
export interface Sections {
  /** Of the source segment; 0 without one. */
  readonly sourceBytes: number;
  readonly targetBytes: number;
  readonly data: Uint8Array;
  readonly instructions: Uint8Array;
  readonly addresses: Uint8Array;
}

/** Is told of a window's instructions in their order. Together they make exactly the window's target. */
export interface InstructionVisitor {
  /** Append `length` bytes of `data` from `from` on. */
  add(data: Uint8Array, from: number, length: number): void;
  /** Append `byte`, `length` times. */
  run(byte: number, length: number): void;
  /**
   * Append `length` bytes from `address` on: below `sourceBytes` it is an offset in the source segment, from there on
   * in the target so far. A copy may run from the one into the other, and into the very bytes that it makes.
   */
  copy(address: number, length: number): void;
}

const { type1, size1, mode1, type2, size2, mode2 } = CODE_TABLE;

/**
 * Takes a window apart. Every bound is checked before the visitor acts on it.
 * @param cache is reset; pass one for many windows
 * @throws OBJECT_CORRUPT, perhaps after the visitor was told of what came before the fault
 */
export function forEachInstruction(sections: Sections, visitor: InstructionVisitor, cache = new AddressCache()): void {
  const { sourceBytes, targetBytes, data } = sections;
  const instructions = new Cursor(sections.instructions);
  const addresses = new Cursor(sections.addresses);
  let made = 0;
  let added = 0;
  cache.reset();

  function act(type: number, codeSize: number, mode: number): void {
    const size = codeSize === 0 ? instructions.varint() : codeSize;
    if (size > targetBytes - made) throw damaged("a window makes more than it says");
    if (type === COPY) {
      visitor.copy(cache.decode(addresses, mode, sourceBytes + made), size);
    } else if (type === ADD) {
      if (size > data.length - added) throw damaged("it adds bytes that are not there");
      visitor.add(data, added, size);
      added += size;
    } else {
      if (added >= data.length) throw damaged("it repeats a byte that is not there");
      visitor.run(data[added++]!, size);
    }
    made += size;
  }

  while (instructions.left > 0) {
    const code = instructions.byte();
    act(type1[code]!, size1[code]!, mode1[code]!);
    if (type2[code] !== NOOP) act(type2[code]!, size2[code]!, mode2[code]!);
  }
  if (made !== targetBytes) throw damaged("a window makes less than it says");
  if (added !== data.length || addresses.left > 0) throw damaged("a window holds bytes that nothing uses");
}
