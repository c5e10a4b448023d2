import * as zlib from "node:zlib";

/**
 * The CRC-32 of RFC 1952 of bytes that go on where others ended.
 * @param before the CRC-32 of what came before
 */
export const crc32: (bytes: Uint8Array, before?: number) => number = ownOrNode();

/** Node has one of its own, twenty times as fast, since 20.15. */
function ownOrNode(): (bytes: Uint8Array, before?: number) => number {
  return (zlib as { crc32?: (bytes: Uint8Array, before?: number) => number }).crc32 ?? tableCrc32;
}

/** As {@link crc32}, on any version of Node. */
export function tableCrc32(bytes: Uint8Array, before = 0): number {
  const table = (crcTable ??= makeTable());
  let crc = ~before;
  for (let i = 0; i < bytes.length; i++) crc = table[(crc ^ bytes[i]!) & 0xff]! ^ (crc >>> 8);
  return ~crc >>> 0;
}

let crcTable: Int32Array | undefined;

/** What each byte does to the sum; the polynomial is that of RFC 1952, section 8, with its bits reversed. */
function makeTable(): Int32Array {
  return Int32Array.from({ length: 256 }, (_, byte) => {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? 0xedb88320 ^ (crc >>> 1) : crc >>> 1;
    return crc;
  });
}
