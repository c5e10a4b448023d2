/*
 * One gzip member (RFC 1952) that several cores compress at the same time:
 *
 *   header, 10 bytes: no time, no name, OS "Unix"
 *   for each 512 KiB of content: the deflate stream (RFC 1951) of these, made by itself with the 32 KiB before them as its
 *     dictionary, and ended by an empty stored block (a sync flush), so that the next one begins at a byte
 *   the deflate stream of what is left, the only one with a last block
 *   CRC-32 of the content u32 | its size modulo 2^32 u32
 *
 * Integers are little-endian. Where blocks begin depends on the content's length alone, so the bytes are the same on any
 * number of cores. No deflate window reaches further back than the dictionary does: what a block costs is some ten bytes
 * and that its statistics begin anew.
 */
import { availableParallelism } from "node:os";
import { isMainThread } from "node:worker_threads";
import { constants, deflateRaw } from "node:zlib";
import { crc32 } from "../util/crc32.ts";

/** What is compressed by itself; from this length on content takes more than one core. */
export const BLOCK_BYTES = 512 * 1024;
const DICTIONARY_BYTES = 32 * 1024;
/** As a rule a block makes no more, and so goes to the system's threads and back once. */
const OUTPUT_BYTES = 256 * 1024;

/** Blocks in the works: one for each core and one that is being filled. Other threads have files of their own. */
const AT_ONCE = isMainThread ? availableParallelism() + 1 : 3;

/**
 * Compresses content that streams by. A chunk of the source may be reused once the next one is asked for; the chunks of
 * the result belong to the receiver. Memory: about a MiB for each block in the works.
 * @param level 1 (fast) to 9 (small)
 * @param atOnce blocks in the works, at least 1; what comes out is the same for any
 */
export async function* gzipBlocks(source: AsyncIterable<Uint8Array>, level: number, atOnce = AT_ONCE): AsyncGenerator<Uint8Array> {
  const works = [Promise.resolve(header(level))];
  const blocks = new BlockBuffers();
  let sizeBytes = 0;
  let crc = 0;
  const begin = (last: boolean): void => {
    const { dictionary, content, release } = blocks.take();
    crc = crc32(content, crc);
    sizeBytes += content.length;
    const work = deflate(content, { dictionary, level, last }).finally(release);
    // Whoever leaves early, or fails, does not look at the others.
    work.catch(() => {});
    works.push(work);
  };
  try {
    for await (const chunk of source) {
      for (let at = 0; at < chunk.length; ) {
        if (blocks.isFull) {
          begin(false);
          while (works.length >= atOnce) yield await works.shift()!;
        }
        at += blocks.fill(chunk.subarray(at));
      }
    }
    begin(true);
    while (works.length > 0) yield await works.shift()!;
    yield trailer(crc, sizeBytes);
  } finally {
    await Promise.allSettled(works);
  }
}

/** The first ten bytes of a member; "extra flags" say which levels are the extreme ones. */
function header(level: number): Buffer {
  return Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, level === 9 ? 2 : level === 1 ? 4 : 0, 3]);
}

function trailer(crc: number, sizeBytes: number): Buffer {
  const buffer = Buffer.alloc(8);
  buffer.writeUInt32LE(crc, 0);
  buffer.writeUInt32LE(sizeBytes % 2 ** 32, 4);
  return buffer;
}

/** Compresses one block in a thread of the system's. */
function deflate(content: Buffer, { dictionary, level, last }: { dictionary: Buffer; level: number; last: boolean }): Promise<Buffer> {
  const finishFlush = last ? constants.Z_FINISH : constants.Z_SYNC_FLUSH;
  const options = { level, finishFlush, chunkSize: OUTPUT_BYTES, ...(dictionary.length > 0 && { dictionary }) };
  return new Promise((resolve, reject) => deflateRaw(content, options, (error, bytes) => (error ? reject(error) : resolve(bytes))));
}

/** A block that is full, or the last one. */
interface Block {
  readonly dictionary: Buffer;
  readonly content: Buffer;
  /** To be called when both are done with. */
  readonly release: () => void;
}

/** Cuts what comes in any pieces into blocks, each behind the end of the one before it; buffers are used again. */
class BlockBuffers {
  readonly #free: Buffer[] = [];
  #buffer = this.#another();
  #dictionaryBytes = 0;
  #filled = 0;

  get isFull(): boolean {
    return this.#filled === BLOCK_BYTES;
  }

  /** Takes in the beginning of these bytes, as much as there is room for, and says how much that is. */
  fill(bytes: Uint8Array): number {
    const taken = bytes.subarray(0, BLOCK_BYTES - this.#filled);
    this.#buffer.set(taken, DICTIONARY_BYTES + this.#filled);
    this.#filled += taken.length;
    return taken.length;
  }

  take(): Block {
    const buffer = this.#buffer;
    const end = DICTIONARY_BYTES + this.#filled;
    const dictionary = buffer.subarray(DICTIONARY_BYTES - this.#dictionaryBytes, DICTIONARY_BYTES);
    this.#buffer = this.#another();
    this.#dictionaryBytes = buffer.copy(this.#buffer, 0, end - DICTIONARY_BYTES, end);
    this.#filled = 0;
    return { dictionary, content: buffer.subarray(DICTIONARY_BYTES, end), release: () => void this.#free.push(buffer) };
  }

  #another(): Buffer {
    return this.#free.pop() ?? Buffer.allocUnsafeSlow(DICTIONARY_BYTES + BLOCK_BYTES);
  }
}
