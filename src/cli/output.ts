import { once } from "node:events";

/** Standard output, for data: whoever reads it may stop reading at any time. */
export class Output {
  readonly #stream: NodeJS.WriteStream;

  constructor(stream: NodeJS.WriteStream, onClosed: () => void) {
    this.#stream = stream;
    // A reader such as `head` that has seen enough is no failure.
    stream.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code !== "EPIPE") throw error;
      onClosed();
    });
  }

  write(text: string | Uint8Array): void {
    this.#stream.write(text);
  }

  line(text = ""): void {
    this.#stream.write(`${text}\n`);
  }

  json(value: unknown): void {
    this.#stream.write(`${JSON.stringify(value, null, 2)}\n`);
  }

  /** Writes a stream of bytes no faster than they are read. */
  async pipe(chunks: AsyncIterable<Uint8Array>): Promise<void> {
    for await (const chunk of chunks) {
      if (this.#stream.destroyed) return;
      if (!this.#stream.write(chunk)) await this.#drained();
    }
  }

  /** Both listeners are taken off again, whichever was called. */
  async #drained(): Promise<void> {
    const over = new AbortController();
    const { signal } = over;
    await Promise.race([once(this.#stream, "drain", { signal }), once(this.#stream, "close", { signal })]).finally(() => over.abort());
  }
}
