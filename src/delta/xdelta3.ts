/*
 * The xdelta3 library, compiled to WebAssembly: one instance with 16 MiB of memory in each thread, synchronous.
 */
import { init, xd3_encode_memory } from "xdelta3-wasm";

/** What one call can hold, in bytes. */
export const MAX_TARGET_BYTES = 1024 * 1024;
export const MAX_SOURCE_BYTES = 2 * 1024 * 1024;

const ENOMEM = 48;
/** The compression level in xdelta3's flags, which the package's fourth argument is handed on as. */
const LEVEL_SHIFT = 20;

/** To be awaited once before {@link encodeSmall} is called. */
export const ready: () => Promise<void> = init;

/**
 * A VCDIFF file of one window, without a checksum.
 * @param level 1, 3, 6 or 9
 * @returns undefined when the memory did not suffice, which depends on the content
 */
export function encodeSmall(target: Uint8Array, source: Uint8Array, level: number): Uint8Array | undefined {
  const room = target.length + (target.length >> 3) + 1024;
  const { ret, str, output } = xd3_encode_memory(target, source, room, level << LEVEL_SHIFT);
  if (ret === 0) return output;
  if (ret === ENOMEM) return undefined;
  throw new Error(`xdelta3 failed: ${ret} ${str}`);
}
