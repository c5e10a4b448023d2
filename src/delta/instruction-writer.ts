import { ADD, addCopyCode, CODE_TABLE, COPY, copyAddCode, RUN, singleCode } from "./vcdiff/code-table.ts";
import { writeVarint } from "./vcdiff/varint.ts";

/** What one instruction takes at most: a code, and a size below 2^28. */
const MAX_INSTRUCTION_BYTES = 5;
/** Codes that say two instructions hold an ADD of up to 4 bytes, or a COPY of 4. */
const PAIRED_BYTES = 4;

/** Writes a window's instructions, two in one code where there is one. */
export class InstructionWriter {
  readonly bytes: Buffer;
  length = 0;
  /** Of an instruction that may go together with the next one; 0 when there is none. */
  #heldAdd = 0;
  #heldCopyMode = -1;

  constructor(instructions: number) {
    this.bytes = Buffer.allocUnsafe(instructions * MAX_INSTRUCTION_BYTES);
  }

  add(size: number): void {
    const both = size === 1 && this.#heldCopyMode >= 0 ? copyAddCode(PAIRED_BYTES, this.#heldCopyMode, size) : -1;
    if (both >= 0) {
      this.#heldCopyMode = -1;
      this.bytes[this.length++] = both;
      return;
    }
    this.end();
    if (size <= PAIRED_BYTES) this.#heldAdd = size;
    else this.#single(ADD, size, 0);
  }

  copy(size: number, mode: number): void {
    const both = addCopyCode(this.#heldAdd, size, mode);
    if (both >= 0) {
      this.#heldAdd = 0;
      this.bytes[this.length++] = both;
      return;
    }
    this.end();
    if (size === PAIRED_BYTES) this.#heldCopyMode = mode;
    else this.#single(COPY, size, mode);
  }

  run(size: number): void {
    this.end();
    this.#single(RUN, size, 0);
  }

  /** Writes what was held back. */
  end(): void {
    if (this.#heldAdd > 0) this.#single(ADD, this.#heldAdd, 0);
    if (this.#heldCopyMode >= 0) this.#single(COPY, PAIRED_BYTES, this.#heldCopyMode);
    this.#heldAdd = 0;
    this.#heldCopyMode = -1;
  }

  #single(type: typeof ADD | typeof RUN | typeof COPY, size: number, mode: number): void {
    const code = singleCode(type, size, mode);
    this.bytes[this.length++] = code;
    if (CODE_TABLE.size1[code] === 0) this.length = writeVarint(this.bytes, this.length, size);
  }
}
