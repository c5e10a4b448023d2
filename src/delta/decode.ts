import type { RandomAccess } from "../util/random-access.ts";
import { ByteQueue } from "./byte-queue.ts";
import { damaged, type DeltaHeader } from "./vcdiff/format.ts";
import { MAX_HEADER_BYTES, readHeader } from "./vcdiff/header.ts";
import { Cursor } from "./vcdiff/varint.ts";
import { MAX_WINDOW_HEADER_BYTES, readWindowHeader, sectionsBytes, type WindowHeader } from "./vcdiff/window.ts";
import { WindowMaker } from "./window-maker.ts";
import { LARGE_WINDOW_BYTES, windowMemory } from "./window-memory.ts";

export interface DecodeDeltaOptions {
  /** What the target may be at most, in bytes. */
  readonly limitBytes?: number | undefined;
  /** What the delta must make, and of what, if its application header says it in our form. */
  readonly expect?: DeltaHeader | undefined;
  /** Whether windows are held against their checksums; default true. Needless where the whole is hashed. */
  readonly checksums?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Applies a VCDIFF file (RFC 3284) to its base, window by window. A window is checked as a whole before it is yielded;
 * each chunk is overwritten once the next one is asked for. Memory is bounded by the largest window, which is 64 MiB
 * at most (8 MiB as we and xdelta3 write them), its sections, and 32 MiB for the base. All decoders of a thread together have room for
 * a few large windows: one may wait until the chunk of another is done with.
 * @param encoded its chunks may be reused once the next one is asked for
 * @param base stays open
 * @throws OBJECT_CORRUPT for anything but one whole VCDIFF file for this base; ENCODING_UNKNOWN for secondary
 *   compression, custom code tables and windows that copy from earlier ones; the signal's reason; what `encoded` throws
 */
export async function* decodeDelta(
  encoded: AsyncIterable<Uint8Array>,
  base: RandomAccess,
  { limitBytes = Infinity, expect, checksums = true, signal }: DecodeDeltaOptions = {},
): AsyncGenerator<Uint8Array> {
  const queue = new ByteQueue(encoded);
  const maker = new WindowMaker(base, checksums);
  try {
    let cursor = await queue.peek(MAX_HEADER_BYTES);
    readHeader(cursor, expect);
    queue.skip(cursor.at);
    for (let leftBytes = limitBytes; ; ) {
      signal?.throwIfAborted();
      cursor = await queue.peek(MAX_WINDOW_HEADER_BYTES);
      if (cursor.left === 0) return;
      const header = readWindowHeader(cursor, { baseBytes: base.sizeBytes, leftBytes });
      queue.skip(cursor.at);
      cursor = await queue.peek(sectionsBytes(header));
      const memory = header.targetBytes > LARGE_WINDOW_BYTES ? await windowMemory(header.targetBytes, signal) : undefined;
      try {
        const target = makeFrom(maker, header, cursor, memory?.bytes);
        queue.skip(cursor.at);
        leftBytes -= target.length;
        if (target.length > 0) yield target;
      } finally {
        memory?.release();
      }
    }
  } finally {
    maker.close();
    await queue.close();
  }
}

/** As {@link decodeDelta}, in memory and at once. The target is allocated as windows turn out right. */
export function decodeDeltaWhole(encoded: Uint8Array, base: RandomAccess, { limitBytes = Infinity, expect, checksums = true }: DecodeDeltaOptions = {}): Buffer {
  const cursor = new Cursor(encoded);
  readHeader(cursor, expect);
  const maker = new WindowMaker(base, checksums);
  const targets: Uint8Array[] = [];
  try {
    for (let leftBytes = limitBytes; cursor.left > 0; ) {
      const header = readWindowHeader(cursor, { baseBytes: base.sizeBytes, leftBytes });
      const target = makeFrom(maker, header, cursor);
      leftBytes -= target.length;
      targets.push(cursor.left > 0 ? Buffer.from(target) : target);
    }
    return Buffer.concat(targets);
  } finally {
    maker.close();
  }
}

function makeFrom(maker: WindowMaker, header: WindowHeader, cursor: Cursor, into?: Uint8Array): Uint8Array {
  try {
    return maker.make(header, cursor.take(sectionsBytes(header)), into);
  } catch (error) {
    if (error instanceof RangeError) throw damaged("its base is shorter than it was");
    throw error;
  }
}
