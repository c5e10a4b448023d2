import { MAGIC, VCD_ADLER32, VCD_SOURCE } from "../../../src/delta/vcdiff/format.ts";
import { varintSize, writeVarint } from "../../../src/delta/vcdiff/varint.ts";

/*
 * Writes VCDIFF files byte by byte, the wrong ones as readily as the right ones.
 */
export function varint(n: number): Buffer {
  const bytes = Buffer.alloc(varintSize(n));
  writeVarint(bytes, 0, n);
  return bytes;
}

/** A file: header and windows. */
export function file(...windows: readonly Uint8Array[]): Buffer {
  return Buffer.concat([Buffer.from([...MAGIC, 0]), ...windows]);
}

/** A file with an application header. */
export function fileWith(appHeader: string, ...windows: readonly Uint8Array[]): Buffer {
  return Buffer.concat([Buffer.from([...MAGIC, 4]), varint(appHeader.length), Buffer.from(appHeader, "latin1"), ...windows]);
}

export interface Window {
  readonly source?: { readonly bytes: number; readonly position: number };
  readonly targetBytes: number;
  readonly data?: Uint8Array | string;
  readonly instructions?: readonly number[];
  readonly addresses?: readonly number[];
  readonly adler32?: number;
  /** Instead of what is right. */
  readonly wrong?: { readonly indicator?: number; readonly bytes?: number; readonly delta?: number; readonly lengths?: readonly [number, number, number] };
}

export function window({ source, targetBytes, data = "", instructions = [], addresses = [], adler32, wrong = {} }: Window): Buffer {
  const sections = [Buffer.from(data as string), Buffer.from(instructions), Buffer.from(addresses)];
  const checksum = Buffer.alloc(adler32 === undefined ? 0 : 4);
  if (adler32 !== undefined) checksum.writeUInt32BE(adler32);
  const lengths = wrong.lengths ?? sections.map(({ length }) => length);
  const rest = Buffer.concat([varint(targetBytes), Buffer.from([wrong.delta ?? 0]), ...lengths.map(varint), checksum, ...sections]);
  const indicator = wrong.indicator ?? (source ? VCD_SOURCE : 0) | (adler32 === undefined ? 0 : VCD_ADLER32);
  return Buffer.concat([Buffer.from([indicator]), ...(source ? [varint(source.bytes), varint(source.position)] : []), varint(wrong.bytes ?? rest.length), rest]);
}
