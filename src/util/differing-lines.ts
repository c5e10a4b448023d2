/** The lines that only one of two texts has, each without what ends it, in the order of the text. */
export interface DifferingLines {
  readonly first: readonly Buffer[];
  readonly second: readonly Buffer[];
}

/**
 * What differs between two texts that have most of their lines in common, mostly in the same order. A line that has only
 * moved does not differ.
 * @param end the byte that ends each line
 * @param most of lines that may differ or have moved, in both together
 * @returns undefined where that are more, or where the last line has no end
 */
export function differingLines(first: Buffer, second: Buffer, end: number, most: number): DifferingLines | undefined {
  if ([first, second].some((text) => text.length > 0 && text.at(-1) !== end)) return undefined;
  const [left, right] = [new Side(first, end), new Side(second, end)];
  while (left.at < first.length && right.at < second.length) {
    if (skipEqual(left, right)) continue;
    // What was put in or taken out is passed over, up to where both go on alike.
    const [inRight, inLeft] = [right.findNear(left.line()), left.findNear(right.line())];
    if (inRight >= 0 && (inLeft < 0 || inRight - right.at <= inLeft - left.at)) right.putAsideUntil(inRight);
    else if (inLeft >= 0) left.putAsideUntil(inLeft);
    else {
      left.putAsideUntil(left.lineEnd());
      right.putAsideUntil(right.lineEnd());
    }
    if (left.aside.length + right.aside.length > most) return undefined;
  }
  left.putAsideUntil(first.length);
  right.putAsideUntil(second.length);
  if (left.aside.length + right.aside.length > most) return undefined;
  return { first: left.without(right), second: right.without(left) };
}

/** Bytes that are compared at once. */
const BLOCK = 4096;
/** How far a line is looked for, in bytes: some hundred lines. */
const NEAR = 16 * 1024;

/** Passes over what is the same; ends at the beginning of lines that differ. @returns whether there was any */
function skipEqual(left: Side, right: Side): boolean {
  const from = left.at;
  while (left.at < left.bytes.length && right.at < right.bytes.length) {
    const length = Math.min(BLOCK, left.bytes.length - left.at, right.bytes.length - right.at);
    if (left.bytes.compare(right.bytes, right.at, right.at + length, left.at, left.at + length) !== 0) break;
    left.at += length;
    right.at += length;
  }
  const back = left.at - left.lineStart();
  left.at -= back;
  right.at -= back;
  for (;;) {
    const [a, b] = [left.lineEnd(), right.lineEnd()];
    if (a < 0 || b < 0 || left.bytes.compare(right.bytes, right.at, b, left.at, a) !== 0) return left.at > from;
    left.at = a;
    right.at = b;
  }
}

/** One of two texts, and how far it has been read. */
class Side {
  readonly bytes: Buffer;
  /** Where the next line begins. */
  at = 0;
  readonly aside: Buffer[] = [];
  readonly #end: number;

  constructor(bytes: Buffer, end: number) {
    this.bytes = bytes;
    this.#end = end;
  }

  /** Where the line begins that the byte before is of. */
  lineStart(): number {
    return this.at === 0 ? 0 : this.bytes.lastIndexOf(this.#end, this.at - 1) + 1;
  }

  /** Behind what ends the next line; -1 where there is none. */
  lineEnd(): number {
    return this.at === this.bytes.length ? -1 : this.bytes.indexOf(this.#end, this.at) + 1;
  }

  /** The next line, with what ends it. */
  line(): Buffer {
    return this.bytes.subarray(this.at, this.lineEnd());
  }

  /** Where a whole line begins that is the same, not far from here; -1 where there is none. */
  findNear(line: Buffer): number {
    const near = this.bytes.subarray(this.at, this.at + NEAR);
    for (let found = near.indexOf(line); found >= 0; found = near.indexOf(line, found + 1)) {
      if (found === 0 || near[found - 1] === this.#end) return this.at + found;
    }
    return -1;
  }

  putAsideUntil(to: number): void {
    while (this.at < to) {
      const next = this.lineEnd();
      this.aside.push(this.bytes.subarray(this.at, next - 1));
      this.at = next;
    }
  }

  /** What was put aside here and not there. */
  without({ aside }: Side): Buffer[] {
    const other = new Set(aside.map(asKey));
    return this.aside.filter((line) => !other.has(asKey(line)));
  }
}

function asKey(line: Buffer): string {
  return line.toString("latin1");
}
