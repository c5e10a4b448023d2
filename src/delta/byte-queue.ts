import { Cursor } from "./vcdiff/varint.ts";

/**
 * Bytes that stream by, looked at as far ahead as needed. A chunk of the source is done with before the next one is
 * asked for, so the source may reuse it.
 */
export class ByteQueue {
  readonly #chunks: AsyncIterator<Uint8Array>;
  /** Bytes that came and were not taken: `#bytes` from `#at` on. */
  #bytes: Uint8Array = new Uint8Array(0);
  #at = 0;

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#chunks = source[Symbol.asyncIterator]();
  }

  /**
   * What comes next, without taking it: at least `length` bytes, or all that there are. Valid until the next call.
   * Memory grows with the bytes that really come, whatever `length` is.
   */
  async peek(length: number): Promise<Cursor> {
    if (this.#bytes.length - this.#at < length) await this.#gather(length);
    return new Cursor(this.#bytes.subarray(this.#at));
  }

  /** Takes bytes that `peek` has shown. */
  skip(length: number): void {
    this.#at += length;
  }

  /** Releases the source; needed when it was not read to its end. */
  async close(): Promise<void> {
    await this.#chunks.return?.();
  }

  async #gather(length: number): Promise<void> {
    // Copied before the source is asked again, which may overwrite what it gave.
    let gathered = Buffer.allocUnsafeSlow(Math.max(this.#bytes.length - this.#at, Math.min(length, FIRST_BYTES)));
    gathered.set(this.#bytes.subarray(this.#at));
    let filled = this.#bytes.length - this.#at;
    this.#at = 0;
    while (filled < length) {
      const next = await this.#chunks.next();
      if (next.done) break;
      if (filled === 0 && next.value.length >= length) {
        this.#bytes = next.value;
        return;
      }
      if (filled + next.value.length > gathered.length) {
        const larger = Buffer.allocUnsafeSlow(Math.max(filled + next.value.length, 2 * gathered.length));
        larger.set(gathered.subarray(0, filled));
        gathered = larger;
      }
      gathered.set(next.value, filled);
      filled += next.value.length;
    }
    this.#bytes = gathered.subarray(0, filled);
  }
}

const FIRST_BYTES = 256 * 1024;
