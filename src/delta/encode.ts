import { setImmediate as turn } from "node:timers/promises";
import type { RandomAccess } from "../util/random-access.ts";
import { Aligner } from "./aligner.ts";
import { indexBase } from "./base-index.ts";
import { Blocks } from "./blocks.ts";
import { fillGaps } from "./gap-filler.ts";
import { Script } from "./script.ts";
import { formatAppHeader, MAGIC, VCD_APPHEADER, type DeltaHeader } from "./vcdiff/format.ts";
import { writeVarint } from "./vcdiff/varint.ts";
import { writeWindow } from "./window-writer.ts";
import { ready } from "./xdelta3.ts";

export interface EncodeDeltaOptions {
  /** What the delta makes, and of what: the application header. */
  readonly header: DeltaHeader;
  /** The most that the VCDIFF file may take, in bytes; encoding ends as soon as it is more. */
  readonly limitBytes?: number | undefined;
  /** Is shown all of the base in order, once, before anything is written: to hash it, say. */
  readonly seeBase?: ((bytes: Uint8Array) => void) | undefined;
  /** Called with the target's bytes encoded since the last call. */
  readonly onBytes?: ((bytes: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** xdelta3's own default, which every version of it reads. */
const WINDOW_BYTES = 8 * 1024 * 1024;

/**
 * Writes the VCDIFF file (RFC 3284) that makes `target` of `base`, window by window. It holds a base of up to 64 MiB, or
 * 16 MiB of a larger one, 70 MiB of index and one window, whatever the sizes; where changes are dense, some 100 MiB of
 * instructions too.
 * @param write gets the file's parts in order, and may keep them
 * @returns the file's size; undefined when it would be more than `limitBytes`, and what was written is to be dropped
 * @throws the signal's reason; what `target`, `base` and `write` throw
 */
export async function encodeDelta(
  target: RandomAccess,
  base: RandomAccess,
  write: (bytes: Uint8Array) => Promise<void>,
  { header, limitBytes = Infinity, seeBase, onBytes, signal }: EncodeDeltaOptions,
): Promise<{ sizeBytes: number } | undefined> {
  await ready();
  const index = await indexBase(base, { see: seeBase, signal });
  const blocks = new Blocks(base);
  const aligner = new Aligner(blocks, index);
  const script = new Script();
  const buffer = Buffer.allocUnsafeSlow(Math.min(WINDOW_BYTES, target.sizeBytes));
  let sizeBytes = 0;
  const put = async (parts: readonly Uint8Array[]): Promise<boolean> => {
    for (const part of parts) sizeBytes += part.length;
    if (sizeBytes > limitBytes) return false;
    for (const part of parts) if (part.length > 0) await write(part);
    return true;
  };
  if (!(await put([fileHeader(header)]))) return undefined;
  // Empty content is one empty window: xdelta3 does not like a file without any.
  for (let at = 0; at === 0 || at < target.sizeBytes; at += WINDOW_BYTES) {
    await turn();
    signal?.throwIfAborted();
    const window = buffer.subarray(0, Math.min(WINDOW_BYTES, target.sizeBytes - at));
    target.read(window, at);
    script.clear();
    const gaps = aligner.align(window, at, script);
    if (!(await put(writeWindow(window, fillGaps(window, script, gaps, blocks))))) return undefined;
    onBytes?.(window.length);
  }
  return { sizeBytes };
}

function fileHeader(header: DeltaHeader): Uint8Array {
  const appHeader = Buffer.from(formatAppHeader(header));
  const length = Buffer.alloc(2);
  return Buffer.concat([Buffer.from([...MAGIC, VCD_APPHEADER]), length.subarray(0, writeVarint(length, 0, appHeader.length)), appHeader]);
}
