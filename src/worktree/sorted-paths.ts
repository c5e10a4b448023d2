/**
 * Many paths in UTF-8, each ended by NUL, one after the other in a buffer. Few of them are found by halving; whoever asks
 * for many gets a table, which takes longer to make than all that a switch between two branches asks for.
 */
export class SortedPaths {
  readonly count: number;
  readonly #bytes: Buffer;
  /** Where each begins, and where the last one ends. */
  readonly #starts: Uint32Array;
  #asked = 0;
  #table: Map<string, number> | undefined;

  /** @param start where the first one begins */
  constructor(bytes: Buffer, start: number, count: number) {
    this.count = count;
    this.#bytes = bytes;
    this.#starts = new Uint32Array(count + 1).fill(start);
    for (let i = 0, at = start; i < count; i++) this.#starts[i + 1] = at = bytes.indexOf(0, at) + 1;
  }

  /** Whether they ascend strictly by their bytes: what all methods but `at`, `all` and `bytesOf` need. */
  isSorted(): boolean {
    const [bytes, starts] = [this.#bytes, this.#starts];
    for (let i = 1; i < this.count; i++) {
      let [a, b] = [starts[i - 1]!, starts[i]!];
      // The NUL that ends each comes before all else.
      while (bytes[a] === bytes[b] && bytes[a] !== 0) (a += 1), (b += 1);
      if (bytes[a]! >= bytes[b]!) return false;
    }
    return true;
  }

  /** Where one begins in the buffer; that of `count` is where the last one has ended. */
  startOf(i: number): number {
    return this.#starts[i]!;
  }

  at(i: number): string {
    return this.#bytes.toString("utf8", this.#starts[i], this.#starts[i + 1]! - 1);
  }

  all(): Iterable<string> {
    return this.#tableOf().keys();
  }

  /** Which one it is; -1 when it is none of them. */
  find(path: string): number {
    if (this.count === 0) return -1;
    if (this.#table === undefined && this.#asked++ < this.count / ASKED_BEFORE_TABLE) {
      const i = this.notBelow(path, 0);
      return this.is(i, path) ? i : -1;
    }
    return this.#tableOf().get(path) ?? -1;
  }

  /** The first from `from` on that does not come before `path`; `count` when there is none. */
  notBelow(path: string, from: number): number {
    const wanted = Buffer.from(path);
    const isBelow = (i: number): boolean => this.#compare(i, wanted, 0, wanted.length) < 0;
    // In growing steps first: as a rule it is near.
    let step = 1;
    let low = from;
    while (low + step <= this.count && isBelow(low + step - 1)) {
      low += step;
      step *= 2;
    }
    let high = Math.min(low + step - 1, this.count);
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (isBelow(middle)) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  is(i: number, path: string): boolean {
    return i < this.count && this.at(i) === path;
  }

  /** Bytes that those from `from` to before `to` take, with what ends them. */
  bytesOf(from: number, to: number): number {
    return this.#starts[to]! - this.#starts[from]!;
  }

  /** Copies those from `from` to before `to`; returns their bytes. */
  copy(target: Buffer, at: number, from: number, to: number): number {
    return this.#bytes.copy(target, at, this.#starts[from], this.#starts[to]);
  }

  #compare(i: number, other: Buffer, start: number, end: number): number {
    return this.#bytes.compare(other, start, end, this.#starts[i], this.#starts[i + 1]! - 1);
  }

  #tableOf(): Map<string, number> {
    if (this.#table) return this.#table;
    const table = new Map<string, number>();
    const paths = this.#bytes.toString("utf8", this.#starts[0], this.#starts[this.count]).split("\0");
    for (let i = 0; i < this.count; i++) table.set(paths[i]!, i);
    return (this.#table = table);
  }
}

/** A table costs about as much as asking this part of them one by one. */
const ASKED_BEFORE_TABLE = 16;
