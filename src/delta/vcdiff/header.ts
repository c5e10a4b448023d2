import { BallastError } from "../../errors.ts";
import { damaged, MAGIC, parseAppHeader, VCD_APPHEADER, VCD_CODETABLE, VCD_DECOMPRESS, type DeltaHeader } from "./format.ts";
import { MAX_VARINT_BYTES, type Cursor } from "./varint.ts";

/** What another program may put into the application header at most, in bytes. */
export const MAX_APP_HEADER_BYTES = 64 * 1024;
/** The longest that a file's header can be: magic, indicator, one length, the application header. */
export const MAX_HEADER_BYTES = 5 + MAX_VARINT_BYTES + MAX_APP_HEADER_BYTES;

/**
 * Reads the header of a VCDIFF file.
 * @param expect what the application header must say, if it is one of ours; other programs' headers are ignored
 * @throws OBJECT_CORRUPT; ENCODING_UNKNOWN for secondary compression and custom code tables
 */
export function readHeader(cursor: Cursor, expect?: DeltaHeader): void {
  for (const byte of MAGIC) if (cursor.byte() !== byte) throw damaged("it is no VCDIFF file of version 0");
  const indicator = cursor.byte();
  if ((indicator & ~(VCD_DECOMPRESS | VCD_CODETABLE | VCD_APPHEADER)) !== 0) throw damaged("its header has a flag that does not exist");
  if ((indicator & VCD_DECOMPRESS) !== 0) throw unknownFeature("secondary compression");
  if ((indicator & VCD_CODETABLE) !== 0) throw unknownFeature("a code table of its own");
  if ((indicator & VCD_APPHEADER) === 0) return;
  const length = cursor.varint();
  if (length > MAX_APP_HEADER_BYTES) throw damaged("its application header is too long");
  const said = parseAppHeader(Buffer.from(cursor.take(length)).toString("latin1"));
  if (!said || !expect) return;
  if (said.base !== expect.base) throw damaged(`it was made against the base ${said.base}, not ${expect.base}`);
  if (said.oid !== expect.oid) throw damaged(`it makes ${said.oid}, not ${expect.oid}`);
}

/** The delta uses a part of VCDIFF that we do not decode. @param what goes on "the delta uses " */
export function unknownFeature(what: string): BallastError {
  return new BallastError("ENCODING_UNKNOWN", `the delta uses ${what}, which this Ballast cannot decode`, {
    hint: "make the delta without it (xdelta3 -S none), or install a newer git-ballast",
  });
}
