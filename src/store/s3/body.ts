import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import { BallastError } from "../../errors.ts";
import type { ByteRange, ByteSource } from "../port.ts";
import { Budget } from "../../util/budget.ts";
import { IdleBuffers } from "../../util/idle-buffers.ts";

const MIB = 1024 * 1024;
/** What is being sent and is held in memory, of all stores of this process together. */
const budget = new Budget(48 * MIB);
/** Of parts that were sent, for those to come. */
const idle = new IdleBuffers();
/** Larger bodies are not held: they are read once to be hashed, and again for each try to be sent. */
const MOST_HELD_BYTES = 32 * MIB;
/** What such a body takes of memory while it streams. */
const STREAM_BYTES = 2 * MIB;

/** Some bytes to send, with what a server verifies them by. */
export interface Body {
  readonly sizeBytes: number;
  /** In lower-case hex. */
  readonly sha256: string;
  /** Likewise; of bytes in memory it is made when it is asked for. */
  readonly md5: string;
  /** Undefined when the bytes are not held. */
  readonly bytes: Buffer | undefined;
  readonly open: (signal: AbortSignal | undefined) => AsyncIterable<Uint8Array>;
  /** Gives back what holds the bytes: the server has answered for all of them. */
  release?(): void;
}

/** Waits until there is memory for a body of this size, and runs `work` with it. */
export function withMemory<T>(sizeBytes: number, signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
  return budget.use(sizeBytes > MOST_HELD_BYTES ? STREAM_BYTES : sizeBytes, signal, work);
}

/** Whether this process holds, or is about to hold, what it sends. */
export function isSending(): boolean {
  return budget.isUsed;
}

/**
 * Cuts a source into bodies of `partBytes` (the last may be shorter; one empty body for an empty source). The last one
 * is given only when the whole is known to be right.
 * @throws OBJECT_CORRUPT when the source does not have the size or the SHA-256 that it announced
 */
export async function* readBodies(source: ByteSource, partBytes: number, key: string, signal?: AbortSignal): AsyncGenerator<Body> {
  const { sizeBytes } = source;
  // One body is hashed as a whole anyway.
  const whole = source.sha256 === undefined || sizeBytes <= partBytes ? undefined : createHash("sha256");
  let part = new Part(source, { start: 0, end: Math.min(partBytes, sizeBytes) });
  let came = 0;
  for await (let chunk of source.open({ start: 0, end: sizeBytes }, signal, "lent")) {
    signal?.throwIfAborted();
    whole?.update(chunk);
    came += chunk.length;
    if (came > sizeBytes) throw changed(key, `more than ${sizeBytes} bytes came`);
    for (;;) {
      chunk = part.take(chunk);
      if (chunk.length === 0) break;
      yield part.finish();
      part = new Part(source, { start: part.end, end: Math.min(part.end + partBytes, sizeBytes) });
    }
  }
  if (came !== sizeBytes) throw changed(key, `${came} bytes came instead of ${sizeBytes}`);
  const last = part.finish();
  if (source.sha256 !== undefined && (whole ? whole.digest("hex") : last.sha256) !== source.sha256) throw changed(key, "its bytes do not have the SHA-256 that was announced");
  yield last;
}

/** The one body of a source. @throws OBJECT_CORRUPT */
export async function readBody(source: ByteSource, key: string, signal?: AbortSignal): Promise<Body> {
  if (source.verified && source.sha256 !== undefined) return held(source.verified, source.sha256);
  for await (const body of readBodies(source, Math.max(1, source.sizeBytes), key, signal)) return body;
  throw new Error("a source has at least one body");
}

/** The body of bytes in memory. */
export function toBody(bytes: Buffer): Body {
  return held(bytes, createHash("sha256").update(bytes).digest("hex"));
}

function held(bytes: Buffer, sha256: string): Body {
  let md5: string | undefined;
  return {
    sizeBytes: bytes.length,
    sha256,
    get md5() {
      return (md5 ??= createHash("md5").update(bytes).digest("hex"));
    },
    bytes,
    open: () => Readable.from([bytes]),
  };
}

/** The headers by which a server verifies a body. Ceph's gateway knows only the older one. */
export function checksums({ sha256, md5 }: Body): { ChecksumSHA256: string; ContentMD5: string } {
  return { ChecksumSHA256: toBase64(sha256), ContentMD5: toBase64(md5) };
}

/** Hex to base64. */
export function toBase64(hex: string): string {
  return Buffer.from(hex, "hex").toString("base64");
}

/** Calls `send` with what the SDK takes for a body, new for each try; where reading it fails, that is the failure. */
export async function sendBody<T>(
  body: Body,
  signal: AbortSignal | undefined,
  send: (payload: Buffer | Readable, options: { abortSignal?: AbortSignal }) => Promise<T>,
): Promise<T> {
  if (body.bytes) return send(body.bytes, signal ? { abortSignal: signal } : {});
  const unreadable = new AbortController();
  const either = signal ? AbortSignal.any([signal, unreadable.signal]) : unreadable.signal;
  const payload = Readable.from(body.open(either), { objectMode: false, highWaterMark: MIB });
  payload.once("error", (error) => unreadable.abort(error));
  try {
    return await send(payload, { abortSignal: either });
  } catch (error) {
    if (unreadable.signal.aborted) throw unreadable.signal.reason;
    throw error;
  } finally {
    payload.destroy();
  }
}

/** A body while its bytes come. */
class Part {
  readonly end: number;
  readonly #source: ByteSource;
  readonly #range: ByteRange;
  readonly #buffer: Buffer | undefined;
  readonly #bytes: Buffer | undefined;
  readonly #sha256 = createHash("sha256");
  readonly #md5 = createHash("md5");
  #filled = 0;

  constructor(source: ByteSource, range: ByteRange) {
    const sizeBytes = range.end - range.start;
    this.end = range.end;
    this.#source = source;
    this.#range = range;
    this.#buffer = sizeBytes > MOST_HELD_BYTES ? undefined : idle.take(sizeBytes);
    this.#bytes = this.#buffer?.subarray(0, sizeBytes);
  }

  /** Takes what fits and returns the rest. */
  take(chunk: Uint8Array): Uint8Array {
    const piece = chunk.subarray(0, this.#range.end - this.#range.start - this.#filled);
    this.#bytes?.set(piece, this.#filled);
    this.#sha256.update(piece);
    this.#md5.update(piece);
    this.#filled += piece.length;
    return chunk.subarray(piece.length);
  }

  finish(): Body {
    return {
      sizeBytes: this.#filled,
      sha256: this.#sha256.digest("hex"),
      md5: this.#md5.digest("hex"),
      bytes: this.#bytes,
      open: (signal) => this.#source.open(this.#range, signal),
      release: () => {
        if (this.#buffer) idle.give(this.#buffer);
      },
    };
  }
}

function changed(key: string, reason: string): BallastError {
  return new BallastError("OBJECT_CORRUPT", `cannot write ${key}: ${reason}`, {
    hint: "its source changed or is damaged; run git ballast fsck",
  });
}
