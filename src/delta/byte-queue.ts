import { Cursor } from "./vcdiff/varint.ts";

const FIRST_BYTES = 256 * 1024;
const NOTHING = new Uint8Array(0);

/**
 * Bytes that stream by, looked at as far ahead as needed. A chunk of the source is done with before the next one is
 * asked for, so the source may reuse it.
 */
export class ByteQueue {
  readonly #chunks: AsyncIterator<Uint8Array>;
  /** Bytes that came and were not taken: `#bytes` from `#at` on, then `#rest`, which is empty when `#bytes` is. */
  #bytes: Uint8Array = NOTHING;
  #at = 0;
  #rest: Uint8Array = NOTHING;
  /** Where bytes of several chunks are put together. */
  #own: Uint8Array = NOTHING;

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
    if (this.#at < this.#bytes.length) return;
    this.#bytes = this.#rest;
    this.#at = 0;
    this.#rest = NOTHING;
  }

  /** Releases the source; needed when it was not read to its end. */
  async close(): Promise<void> {
    await this.#chunks.return?.();
  }

  async #gather(length: number): Promise<void> {
    const there = this.#bytes.subarray(this.#at);
    let filled = 0;
    const add = (bytes: Uint8Array): void => {
      if (filled + bytes.length > this.#own.length) {
        const larger = Buffer.allocUnsafeSlow(Math.max(filled + bytes.length, Math.min(length, Math.max(FIRST_BYTES, 2 * this.#own.length))));
        larger.set(this.#own.subarray(0, filled));
        this.#own = larger;
      }
      this.#own.set(bytes, filled);
      filled += bytes.length;
    };
    if (there.length > 0) add(there);
    while (filled < length) {
      let chunk = this.#rest;
      if (chunk.length === 0) {
        const next = await this.#chunks.next();
        if (next.done) break;
        chunk = next.value;
      }
      if (filled === 0 && chunk.length >= length) {
        this.#show(chunk, NOTHING);
        return;
      }
      const missing = length - filled;
      add(chunk.subarray(0, missing));
      // Copied no further than needed; it stays as it is until the source is asked again.
      this.#rest = chunk.subarray(missing);
    }
    this.#show(this.#own.subarray(0, filled), this.#rest);
  }

  #show(bytes: Uint8Array, rest: Uint8Array): void {
    this.#bytes = bytes;
    this.#at = 0;
    this.#rest = rest;
  }
}
