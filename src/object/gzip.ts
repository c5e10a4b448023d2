/*
 * gzip (RFC 1952) by two engines: `zlib` is Node's own and fast, and takes all cores for what streams by; `pako` gives
 * the same bytes for the same content and level on every machine and Node version, because it gets its input in pieces of
 * a fixed size and writes a fixed header (no time, no name, OS "Unix"). Decoding is always Node's.
 */
import { constants, createGunzip, gunzipSync, gzipSync, type Gunzip } from "node:zlib";
import { Deflate } from "pako";
import { BallastError, systemCode } from "../errors.ts";
import { gzipBlocks } from "./gzip-blocks.ts";

export interface GzipOptions {
  readonly engine: "zlib" | "pako";
  /** 1 (fast) to 9 (small). */
  readonly level: number;
}

const OUTPUT_CHUNK_BYTES = 256 * 1024;
const PAKO_INPUT_BYTES = 64 * 1024;

/** Compresses content that is in memory. */
export function gzipWhole(content: Uint8Array, { engine, level }: GzipOptions): Uint8Array {
  if (engine === "zlib") return gzipSync(content, { level });
  const deflate = new PakoGzip(level);
  return Buffer.concat([...deflate.push(content), ...deflate.end()]);
}

/**
 * Compresses content that streams by. A chunk of the source may be reused once the next one is asked for; the chunks
 * of the result belong to the receiver.
 */
export async function* gzip(source: AsyncIterable<Uint8Array>, { engine, level }: GzipOptions): AsyncGenerator<Uint8Array> {
  if (engine === "zlib") return yield* gzipBlocks(source, level);
  const deflate = new PakoGzip(level);
  for await (const chunk of source) yield* deflate.push(chunk);
  yield* deflate.end();
}

/**
 * Decompresses a gzip file that is in memory.
 * @param limitBytes what the content may be at most: a small file that claims to hold terabytes ends here
 * @throws OBJECT_CORRUPT for anything but one whole gzip file of at most that content
 */
export function gunzipWhole(bytes: Uint8Array, limitBytes?: number): Buffer {
  try {
    const limit = Math.max(1, Math.min(limitBytes ?? Infinity, MAX_WHOLE_BYTES));
    // Node's types do not know `info`, which returns the engine beside the result.
    const { buffer, engine } = gunzipSync(bytes, { maxOutputLength: limit, info: true } as object) as unknown as {
      buffer: Buffer;
      engine: Gunzip;
    };
    if (engine.bytesWritten !== bytes.length) throw corrupt("there is something behind its end");
    if (buffer.length > (limitBytes ?? Infinity)) throw corrupt("it holds more than it should");
    return buffer;
  } catch (error) {
    throw ours(error);
  }
}

const MAX_WHOLE_BYTES = 0x7fff_ffff;

/**
 * Decompresses a gzip file that streams by; as {@link gunzipWhole}, chunks as {@link gzip}.
 * @throws OBJECT_CORRUPT, when content that came before it must not have been trusted yet
 */
export async function* gunzip(source: AsyncIterable<Uint8Array>, limitBytes = Infinity): AsyncGenerator<Uint8Array> {
  const stream = createGunzip({ chunkSize: OUTPUT_CHUNK_BYTES });
  let contentBytes = 0;
  let encodedBytes = 0;
  const counted = (async function* () {
    for await (const chunk of source) {
      encodedBytes += chunk.length;
      yield chunk;
    }
  })();
  try {
    for await (const chunk of through(stream, counted)) {
      contentBytes += chunk.length;
      if (contentBytes > limitBytes) throw corrupt("it holds more than it should");
      yield chunk;
    }
  } catch (error) {
    throw ours(error);
  }
  if (stream.bytesWritten !== encodedBytes) throw corrupt("there is something behind its end");
}

/** Passes a source through a zlib stream; a chunk was taken in entirely before the next one is asked for. */
async function* through(stream: Gunzip, source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let over = false;
  const closed = new Promise<void>((resolve) => stream.once("close", resolve).once("end", resolve));
  const feeding = (async () => {
    try {
      for await (const chunk of source) {
        if (over) return;
        // The end of the compressed file ends the stream, whatever follows; a write then never calls back.
        await Promise.race([closed, new Promise<void>((resolve) => stream.write(chunk, () => resolve()))]);
        if (over || stream.destroyed || stream.readableEnded) return;
      }
      stream.end();
    } catch (error) {
      stream.destroy(error as Error);
    }
  })();
  try {
    for await (const chunk of stream) yield chunk as Buffer;
  } finally {
    over = true;
    stream.destroy();
    await feeding;
  }
}

/** pako's deflate as a thing that is pushed and answers with what is ready. */
class PakoGzip {
  readonly #deflate: Deflate;
  readonly #piece = Buffer.alloc(PAKO_INPUT_BYTES);
  #filled = 0;
  #ready: Uint8Array[] = [];

  constructor(level: number) {
    // `legacyHash` is the hash of the original zlib, whose output it then equals.
    this.#deflate = new Deflate({ gzip: true, level, legacyHash: true, chunkSize: PAKO_INPUT_BYTES });
    this.#deflate.onData = (chunk) => this.#ready.push(chunk);
    this.#deflate.onEnd = () => {};
  }

  push(chunk: Uint8Array): Uint8Array[] {
    for (let at = 0; at < chunk.length; ) {
      const taken = Math.min(PAKO_INPUT_BYTES - this.#filled, chunk.length - at);
      this.#piece.set(chunk.subarray(at, at + taken), this.#filled);
      this.#filled += taken;
      at += taken;
      if (this.#filled === PAKO_INPUT_BYTES) this.#flush(false);
    }
    return this.#take();
  }

  end(): Uint8Array[] {
    this.#flush(true);
    return this.#take();
  }

  #flush(last: boolean): void {
    this.#deflate.push(this.#piece.subarray(0, this.#filled), last);
    this.#filled = 0;
    if (this.#deflate.err !== constants.Z_OK) throw new Error(`pako failed: ${this.#deflate.err} ${this.#deflate.msg}`);
  }

  #take(): Uint8Array[] {
    const ready = this.#ready;
    this.#ready = [];
    return ready;
  }
}

function corrupt(reason: string, cause?: unknown): BallastError {
  return new BallastError("OBJECT_CORRUPT", `damaged gzip data: ${reason}`, { hint: "run git ballast fsck", cause });
}

/** Turns what Node's zlib throws into ours. */
function ours(error: unknown): unknown {
  const code = systemCode(error) ?? "";
  if (code === "ERR_BUFFER_TOO_LARGE") return corrupt("it holds more than it should", error);
  if (code.startsWith("Z_")) return corrupt((error as Error).message, error);
  return error;
}
