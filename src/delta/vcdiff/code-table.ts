/*
 * The default instruction code table (RFC 3284, section 5.6): each of the 256 codes stands for one or two
 * instructions. A size of 0 says that the size follows in the instructions section.
 *
 *   code       first               second
 *   0          RUN 0
 *   1–18       ADD 0, 1…17
 *   19–162     COPY 0, 4…18                            for each of the modes 0…8
 *   163–234    ADD 1…4             COPY 4…6            for each of the modes 0…5
 *   235–246    ADD 1…4             COPY 4              for each of the modes 6…8
 *   247–255    COPY 4              ADD 1               for each of the modes 0…8
 */
export const NOOP = 0;
export const ADD = 1;
export const RUN = 2;
export const COPY = 3;
export type InstructionType = typeof NOOP | typeof ADD | typeof RUN | typeof COPY;

/** The instructions of each code; the second one is a NOOP where there is only one. */
export interface CodeTable {
  readonly type1: Uint8Array;
  readonly size1: Uint8Array;
  readonly mode1: Uint8Array;
  readonly type2: Uint8Array;
  readonly size2: Uint8Array;
  readonly mode2: Uint8Array;
}

const MODES = 9;

export const CODE_TABLE: CodeTable = build();

function build(): CodeTable {
  const column = (): Uint8Array => new Uint8Array(256);
  const table = { type1: column(), size1: column(), mode1: column(), type2: column(), size2: column(), mode2: column() };
  let code = 0;
  const add = (type1: InstructionType, size1: number, mode1: number, type2: InstructionType = NOOP, size2 = 0, mode2 = 0): void => {
    table.type1[code] = type1;
    table.size1[code] = size1;
    table.mode1[code] = mode1;
    table.type2[code] = type2;
    table.size2[code] = size2;
    table.mode2[code] = mode2;
    code++;
  };
  add(RUN, 0, 0);
  for (let size = 0; size <= 17; size++) add(ADD, size, 0);
  for (let mode = 0; mode < MODES; mode++) {
    add(COPY, 0, mode);
    for (let size = 4; size <= 18; size++) add(COPY, size, mode);
  }
  for (let mode = 0; mode < MODES; mode++) {
    const longest = mode < 6 ? 6 : 4;
    for (let added = 1; added <= 4; added++) {
      for (let copied = 4; copied <= longest; copied++) add(ADD, added, 0, COPY, copied, mode);
    }
  }
  for (let mode = 0; mode < MODES; mode++) add(COPY, 4, mode, ADD, 1, 0);
  return table;
}

/**
 * The code for one instruction alone. Its size follows in the instructions section exactly when `CODE_TABLE.size1` of
 * the code is 0.
 * @param mode of a COPY; 0 else
 */
export function singleCode(type: typeof ADD | typeof RUN | typeof COPY, size: number, mode: number): number {
  if (type === RUN) return 0;
  if (type === ADD) return size >= 1 && size <= 17 ? 1 + size : 1;
  return 19 + 16 * mode + (size >= 4 && size <= 18 ? size - 3 : 0);
}

/** The code for an ADD and the COPY after it, or -1 when no code says both. */
export function addCopyCode(added: number, copied: number, mode: number): number {
  if (added < 1 || added > 4 || copied < 4) return -1;
  if (mode < 6) return copied <= 6 ? 163 + 12 * mode + 3 * (added - 1) + (copied - 4) : -1;
  return copied === 4 ? 235 + 4 * (mode - 6) + (added - 1) : -1;
}

/** The code for a COPY and the ADD after it, or -1 when no code says both. */
export function copyAddCode(copied: number, mode: number, added: number): number {
  return copied === 4 && added === 1 ? 247 + mode : -1;
}
