import { once } from "node:events";

const PIECE_CHARS = 64 * 1024;

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

  /** Many lines, some at a time. */
  lines(all: Iterable<string>): void {
    this.#inPieces(all, (line) => `${line}\n`);
  }

  json(value: unknown): void {
    if (!Array.isArray(value) || value.length === 0) return this.line(JSON.stringify(value, null, 2));
    // There may be a million items: as one text they would take several times their size.
    this.#inPieces(value, (item, i) => `${i === 0 ? "[" : ","}\n  ${(JSON.stringify(item, null, 2) ?? "null").replaceAll("\n", "\n  ")}`);
    this.line("\n]");
  }

  #inPieces<T>(items: Iterable<T>, format: (item: T, index: number) => string): void {
    let text = "";
    let i = 0;
    for (const item of items) {
      text += format(item, i++);
      if (text.length < PIECE_CHARS) continue;
      this.write(text);
      text = "";
    }
    if (text !== "") this.write(text);
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
