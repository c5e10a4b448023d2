import { damaged, MAX_WINDOW_BYTES, VCD_ADLER32, VCD_SOURCE, VCD_TARGET } from "./format.ts";
import type { Sections } from "./instructions.ts";
import { unknownFeature } from "./header.ts";
import { MAX_VARINT_BYTES, type Cursor } from "./varint.ts";

/** What a window says before its sections. Lengths and positions in bytes. */
export interface WindowHeader {
  /** Where the source segment lies in the base; both 0 without one. */
  readonly sourcePosition: number;
  readonly sourceBytes: number;
  readonly targetBytes: number;
  readonly dataBytes: number;
  readonly instructionsBytes: number;
  readonly addressesBytes: number;
  /** Of the target; undefined where the writer left it out. */
  readonly adler32: number | undefined;
}

/** The longest that a window's header can be: two indicators, seven numbers and a checksum. */
export const MAX_WINDOW_HEADER_BYTES = 2 + 7 * MAX_VARINT_BYTES + 4;

/** What bounds a window beside {@link MAX_WINDOW_BYTES}. */
export interface WindowLimits {
  readonly baseBytes: number;
  /** What the target may still come to. */
  readonly leftBytes: number;
}

/**
 * Reads a window's header and checks every length that it gives, so that whatever is allocated for the window is
 * bounded by what it may make.
 * @throws OBJECT_CORRUPT; ENCODING_UNKNOWN for a source segment in the target, and for secondary compression
 */
export function readWindowHeader(cursor: Cursor, { baseBytes, leftBytes }: WindowLimits): WindowHeader {
  const indicator = cursor.byte();
  if ((indicator & ~(VCD_SOURCE | VCD_TARGET | VCD_ADLER32)) !== 0) throw damaged("a window has a kind that does not exist");
  if ((indicator & VCD_TARGET) !== 0) throw unknownFeature("a window that copies from earlier windows");
  const hasSource = (indicator & VCD_SOURCE) !== 0;
  const sourceBytes = hasSource ? cursor.varint() : 0;
  const sourcePosition = hasSource ? cursor.varint() : 0;
  if (sourceBytes > baseBytes || sourcePosition > baseBytes - sourceBytes) throw damaged("it copies from behind the end of its base");
  const windowBytes = cursor.varint();
  const start = cursor.at;
  const targetBytes = cursor.varint();
  if (targetBytes > MAX_WINDOW_BYTES) throw damaged("a window is too large");
  if (targetBytes > leftBytes) throw damaged("it makes more than it should");
  if (cursor.byte() !== 0) throw unknownFeature("secondary compression");
  const dataBytes = cursor.varint();
  const instructionsBytes = cursor.varint();
  const addressesBytes = cursor.varint();
  const adler32 = (indicator & VCD_ADLER32) === 0 ? undefined : readUint32(cursor);
  const sectionsBytes = dataBytes + instructionsBytes + addressesBytes;
  if (windowBytes !== cursor.at - start + sectionsBytes) throw damaged("the lengths in a window disagree");
  if (sectionsBytes > maxSectionsBytes(targetBytes)) throw damaged("a window is longer than what it makes can need");
  return { sourcePosition, sourceBytes, targetBytes, dataBytes, instructionsBytes, addressesBytes, adler32 };
}

/** The sections of a window together, in bytes. */
export function sectionsBytes({ dataBytes, instructionsBytes, addressesBytes }: WindowHeader): number {
  return dataBytes + instructionsBytes + addressesBytes;
}

/** Cuts the bytes behind a window's header into its sections. @param bytes exactly {@link sectionsBytes} */
export function cutSections(header: WindowHeader, bytes: Uint8Array): Sections {
  const { sourceBytes, targetBytes, dataBytes, instructionsBytes } = header;
  const addressesAt = dataBytes + instructionsBytes;
  return {
    sourceBytes,
    targetBytes,
    data: bytes.subarray(0, dataBytes),
    instructions: bytes.subarray(dataBytes, addressesAt),
    addresses: bytes.subarray(addressesAt),
  };
}

/** A window that adds everything takes little more than its target; no sensible writer comes near twice that. */
function maxSectionsBytes(targetBytes: number): number {
  return 2 * targetBytes + 1024;
}

function readUint32(cursor: Cursor): number {
  return ((cursor.byte() << 24) | (cursor.byte() << 16) | (cursor.byte() << 8) | cursor.byte()) >>> 0;
}
