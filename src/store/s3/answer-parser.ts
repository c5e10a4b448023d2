/** Status and headers of an answer; names in lower case, of several of one name the last. */
export interface AnswerHead {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
}

/** Gets the parts of an answer in their order. */
export interface AnswerSink {
  head(head: AnswerHead): void;
  /** Valid during the call only. */
  body(bytes: Buffer): void;
}

const MOST_HEAD_BYTES = 64 * 1024;
const LF = 10;

/**
 * Takes one answer of HTTP/1.1 (RFC 9112) apart as its bytes come, however these are cut:
 *
 *   HTTP/1.1 SP 3 digits [SP reason] CRLF *( name ":" value CRLF ) CRLF body
 *
 * The body has the length that `Content-Length` says, or comes in chunks (`Transfer-Encoding: chunked`), or ends with
 * the connection. Interim answers (1xx) are passed over. Only requests that may have a body in their answer: no HEAD.
 */
export class AnswerParser {
  readonly #sink: AnswerSink;
  #state: "head" | "length" | "chunk size" | "chunk" | "chunk end" | "trailer" | "until close" | "done" = "head";
  /** Of a line or head that has not come whole. */
  #pending: Buffer | undefined;
  #leftBytes = 0;
  #keepAlive = false;

  constructor(sink: AnswerSink) {
    this.#sink = sink;
  }

  /** Whether the answer has come whole. */
  get done(): boolean {
    return this.#state === "done";
  }

  /** Whether the connection can be used for another request when it has. */
  get reusable(): boolean {
    return this.done && this.#keepAlive;
  }

  /** @throws an error with the code `HPE_INVALID_ANSWER` for what is no answer of this form, or more than one */
  feed(bytes: Buffer): void {
    let rest: Buffer = bytes;
    while (rest.length > 0) {
      if (this.#state === "done") throw invalid("bytes after the end");
      if (this.#state === "length" || this.#state === "chunk") rest = this.#takeBody(rest);
      else if (this.#state === "until close") {
        this.#sink.body(rest);
        return;
      } else if (this.#state === "head") rest = this.#takeHead(rest);
      else rest = this.#takeLine(rest);
    }
  }

  /** The connection has ended. @returns whether the answer had come whole */
  end(): boolean {
    if (this.#state === "until close") this.#state = "done";
    return this.done;
  }

  #takeBody(bytes: Buffer): Buffer {
    const piece = bytes.subarray(0, this.#leftBytes);
    this.#leftBytes -= piece.length;
    this.#sink.body(piece);
    if (this.#leftBytes === 0) this.#state = this.#state === "length" ? "done" : "chunk end";
    return bytes.subarray(piece.length);
  }

  #takeHead(bytes: Buffer): Buffer {
    const all = this.#pending ? Buffer.concat([this.#pending, bytes]) : bytes;
    const end = all.indexOf("\r\n\r\n");
    if (end < 0 ? all.length > MOST_HEAD_BYTES : end > MOST_HEAD_BYTES) throw invalid("too long a head");
    this.#pending = end < 0 ? Buffer.from(all) : undefined;
    if (end < 0) return NOTHING;
    this.#begin(all.toString("latin1", 0, end).split("\r\n"));
    return all.subarray(end + 4);
  }

  #begin([first = "", ...lines]: string[]): void {
    const [, minor, digits] = /^HTTP\/1\.([01]) (\d{3})(?: |$)/.exec(first) ?? [];
    if (digits === undefined) throw invalid("no status line");
    const status = Number(digits);
    const headers: Record<string, string> = Object.create(null) as Record<string, string>;
    for (const line of lines) {
      const colon = line.indexOf(":");
      // A folded line (RFC 9112, 5.2) begins with a blank.
      if (colon <= 0 || /[\s\0]/.test(line.slice(0, colon))) throw invalid("no header");
      const name = line.slice(0, colon).toLowerCase();
      const value = line.slice(colon + 1).trim();
      if (FRAMING.has(name) && headers[name] !== undefined && headers[name] !== value) throw invalid(`two of ${name}`);
      headers[name] = value;
    }
    if (status < 200) return;
    this.#keepAlive = minor === "1" && !/\bclose\b/i.test(headers["connection"] ?? "");
    this.#frame(status, headers);
    this.#sink.head({ status, headers });
  }

  #frame(status: number, headers: Readonly<Record<string, string>>): void {
    const { "transfer-encoding": coding, "content-length": length } = headers;
    if (status === 204 || status === 304) this.#state = "done";
    else if (coding !== undefined) {
      if (coding.toLowerCase() !== "chunked" || length !== undefined) throw invalid("an unknown framing");
      this.#state = "chunk size";
    } else if (length === undefined) {
      this.#keepAlive = false;
      this.#state = "until close";
    } else {
      if (!/^\d{1,15}$/.test(length)) throw invalid("no length");
      this.#leftBytes = Number(length);
      this.#state = this.#leftBytes === 0 ? "done" : "length";
    }
  }

  /** Lines around chunks. */
  #takeLine(bytes: Buffer): Buffer {
    const at = bytes.indexOf(LF);
    const part = bytes.subarray(0, at < 0 ? bytes.length : at + 1);
    const all = this.#pending ? Buffer.concat([this.#pending, part]) : part;
    if (all.length > MOST_HEAD_BYTES) throw invalid("too long a line");
    this.#pending = at < 0 ? Buffer.from(all) : undefined;
    if (at < 0) return NOTHING;
    const line = all.toString("latin1");
    if (!line.endsWith("\r\n")) throw invalid("no end of a line");
    if (this.#state === "chunk size") {
      const size = /^([0-9a-f]{1,12})[ \t]*(?:;.*)?\r\n$/i.exec(line)?.[1];
      if (size === undefined) throw invalid("no size of a chunk");
      this.#leftBytes = Number.parseInt(size, 16);
      this.#state = this.#leftBytes === 0 ? "trailer" : "chunk";
    } else if (this.#state === "chunk end") {
      if (line !== "\r\n") throw invalid("no end of a chunk");
      this.#state = "chunk size";
    } else if (line === "\r\n") this.#state = "done";
    return bytes.subarray(at + 1);
  }
}

const NOTHING = Buffer.alloc(0);
/** What says where the body ends must not be said in two ways. */
const FRAMING = new Set(["content-length", "transfer-encoding"]);

function invalid(what: string): Error {
  return Object.assign(new Error(`an answer that is none: ${what}`), { code: "HPE_INVALID_ANSWER" });
}
