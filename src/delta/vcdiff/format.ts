/*
 * The VCDIFF container (RFC 3284, section 4), as the xdelta3 program writes it.
 *
 *   header   D6 C3 C4 00, indicator, [secondary compressor], [code table], [varint length, application header]
 *   window   indicator, [varint source length, varint source position], varint length of all that follows,
 *            varint target length, delta indicator, varint lengths of the three sections, [adler32, big-endian],
 *            data section, instructions section, addresses section
 */
import { BallastError } from "../../errors.ts";
import { isOid, type Oid } from "../../object/oid.ts";

/** "VCD" with the high bits set, and version 0. */
export const MAGIC: readonly number[] = [0xd6, 0xc3, 0xc4, 0x00];

/** Bits of the header's indicator. */
export const VCD_DECOMPRESS = 0x01;
export const VCD_CODETABLE = 0x02;
export const VCD_APPHEADER = 0x04;

/** Bits of a window's indicator; the checksum is xdelta3's addition to the RFC. */
export const VCD_SOURCE = 0x01;
export const VCD_TARGET = 0x02;
export const VCD_ADLER32 = 0x04;

/** Bits of the delta indicator: that a section went through the secondary compressor. */
export const VCD_DATACOMP = 0x01;
export const VCD_INSTCOMP = 0x02;
export const VCD_ADDRCOMP = 0x04;

/** The most that one window may make for us to read it, in bytes: the hard limit of current versions of xdelta3. */
export const MAX_WINDOW_BYTES = 64 * 1024 * 1024;
/** The most that one window of ours may make: versions 3.0 of xdelta3 neither write nor read more (`XD3_HARDMAXWINSIZE`). */
export const MAX_WRITTEN_WINDOW_BYTES = 16 * 1024 * 1024;

/** What a delta makes, and of what. */
export interface DeltaHeader {
  readonly oid: Oid;
  readonly base: Oid;
}

/** The application header: `<oid>//<base>/`, as xdelta3 writes the names of target and source and how these were compressed. */
export function formatAppHeader({ oid, base }: DeltaHeader): string {
  return `${oid}//${base}/`;
}

/** What an application header says; undefined for one of another form, as other programs write it. */
export function parseAppHeader(header: string): DeltaHeader | undefined {
  const [oid, targetCompression, base, sourceCompression, ...rest] = header.split("/");
  if (!isOid(oid) || !isOid(base) || targetCompression !== "" || sourceCompression !== "" || rest.length > 0) return undefined;
  return { oid, base };
}

/** The delta is not a VCDIFF file as it should be. @param reason goes on "damaged delta: " */
export function damaged(reason: string): BallastError {
  return new BallastError("OBJECT_CORRUPT", `damaged delta: ${reason}`, { hint: "run git ballast fsck" });
}
