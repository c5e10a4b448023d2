import * as zlib from "node:zlib";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { crc32, tableCrc32 } from "../../../src/util/crc32.ts";

describe("a CRC-32", () => {
  it("is that of gzip's trailer, with and without Node's own, however the bytes are cut", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 500 }), fc.nat(500), (bytes, at) => {
        const expected = zlib.gzipSync(bytes).readUInt32LE(zlib.gzipSync(bytes).length - 8);
        for (const sum of [crc32, tableCrc32]) {
          expect(sum(bytes)).toBe(expected);
          expect(sum(bytes.subarray(at), sum(bytes.subarray(0, at)))).toBe(expected);
        }
      }),
    );
  });

  it("of the digits 1 to 9 is the check value of this polynomial", () => {
    expect(tableCrc32(Buffer.from("123456789"))).toBe(0xcbf43926);
  });
});
