import { deflateSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { AddressCache, HERE_MODE, NEAR_MODE, SAME_MODE, SELF_MODE } from "../../../../src/delta/vcdiff/address-cache.ts";
import { adler32 } from "../../../../src/delta/vcdiff/adler32.ts";
import { ADD, addCopyCode, CODE_TABLE, COPY, copyAddCode, NOOP, RUN, singleCode } from "../../../../src/delta/vcdiff/code-table.ts";
import { formatAppHeader, parseAppHeader } from "../../../../src/delta/vcdiff/format.ts";
import { Cursor, varintSize, writeVarint } from "../../../../src/delta/vcdiff/varint.ts";
import { oidOf } from "../../../../src/object/oid.ts";
import { ballastError } from "../../../support/errors.ts";

const SAFE = fc.oneof(fc.maxSafeNat(), fc.nat(), fc.nat(300), fc.nat(53).map((bits) => 2 ** bits - 1));

describe("an integer", () => {
  it("is what the RFC says: 123456789 is BA EF 9A 15", () => {
    const bytes = Buffer.alloc(4);
    expect(writeVarint(bytes, 0, 123456789)).toBe(4);
    expect(bytes.toString("hex")).toBe("baef9a15");
    expect(new Cursor(bytes).varint()).toBe(123456789);
  });

  it("comes back, in the fewest bytes, up to 2^53 - 1", () => {
    fc.assert(
      fc.property(SAFE, fc.nat(3), (n, at) => {
        const bytes = Buffer.alloc(20, 0xee);
        const end = writeVarint(bytes, at, n);
        expect(end - at).toBe(varintSize(n));
        expect(BigInt(n) >> BigInt(7 * (end - at))).toBe(0n);
        expect(end - at === 1 || bytes[at] !== 0x80).toBe(true);
        const cursor = new Cursor(bytes, at);
        expect(cursor.varint()).toBe(n);
        expect(cursor.at).toBe(end);
        expect(bytes.subarray(end).every((byte) => byte === 0xee)).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });

  it("is refused beyond 2^53 - 1, with too many digits, and cut off", () => {
    for (const hex of ["90808080808080" + "00" + "00", "8080808080808080" + "01", "ffffffffffffffffff7f", "a0808080808080" + "00"]) {
      expect(() => new Cursor(Buffer.from(hex, "hex")).varint(), hex).toThrow(ballastError("OBJECT_CORRUPT", /absurd/));
    }
    expect(new Cursor(Buffer.from("8fffffffffffff7f", "hex")).varint()).toBe(Number.MAX_SAFE_INTEGER);
    for (const hex of ["", "80", "ffff"]) expect(() => new Cursor(Buffer.from(hex, "hex")).varint()).toThrow(ballastError("OBJECT_CORRUPT", /ends early/));
    expect(() => new Cursor(Buffer.alloc(3)).take(4)).toThrow(ballastError("OBJECT_CORRUPT"));
    expect(new Cursor(Buffer.alloc(3)).take(3)).toHaveLength(3);
  });
});

describe("the code table", () => {
  const codeAt = (code: number): number[] => [CODE_TABLE.type1, CODE_TABLE.size1, CODE_TABLE.mode1, CODE_TABLE.type2, CODE_TABLE.size2, CODE_TABLE.mode2].map((column) => column[code]!);

  it("has the RFC's entries where its lines begin and end", () => {
    const entries: [number, number[]][] = [
      [0, [RUN, 0, 0, NOOP, 0, 0]], [1, [ADD, 0, 0, NOOP, 0, 0]], [18, [ADD, 17, 0, NOOP, 0, 0]], [19, [COPY, 0, 0, NOOP, 0, 0]], [20, [COPY, 4, 0, NOOP, 0, 0]],
      [34, [COPY, 18, 0, NOOP, 0, 0]], [35, [COPY, 0, 1, NOOP, 0, 0]], [162, [COPY, 18, 8, NOOP, 0, 0]], [163, [ADD, 1, 0, COPY, 4, 0]], [165, [ADD, 1, 0, COPY, 6, 0]],
      [166, [ADD, 2, 0, COPY, 4, 0]], [174, [ADD, 4, 0, COPY, 6, 0]], [175, [ADD, 1, 0, COPY, 4, 1]], [234, [ADD, 4, 0, COPY, 6, 5]], [235, [ADD, 1, 0, COPY, 4, 6]],
      [238, [ADD, 4, 0, COPY, 4, 6]], [246, [ADD, 4, 0, COPY, 4, 8]], [247, [COPY, 4, 0, ADD, 1, 0]], [255, [COPY, 4, 8, ADD, 1, 0]],
    ];
    for (const [code, entry] of entries) expect(codeAt(code), String(code)).toEqual(entry);
  });

  it("gives an encoder the code of every entry, and no other", () => {
    const inverse = (code: number): number => {
      const [type1, size1, mode1, type2, size2, mode2] = codeAt(code) as [1 | 2 | 3, number, number, number, number, number];
      if (type2 === NOOP) return singleCode(type1, size1, mode1);
      return type1 === ADD ? addCopyCode(size1, size2, mode2) : copyAddCode(size1, mode1, size2);
    };
    for (let code = 0; code < 256; code++) expect(inverse(code)).toBe(code);
    for (let mode = 0; mode <= 8; mode++) {
      for (let size = 1; size < 300; size++) {
        const code = singleCode(COPY, size, mode);
        expect(codeAt(code)).toEqual([COPY, size >= 4 && size <= 18 ? size : 0, mode, NOOP, 0, 0]);
        expect(codeAt(singleCode(ADD, size, 0))).toEqual([ADD, size <= 17 ? size : 0, 0, NOOP, 0, 0]);
        for (const added of [0, 1, 4, 5, 100]) {
          const pair = addCopyCode(added, size, mode);
          if (pair >= 0) expect(codeAt(pair)).toEqual([ADD, added, 0, COPY, size, mode]);
          const other = copyAddCode(size, mode, added);
          if (other >= 0) expect(codeAt(other)).toEqual([COPY, size, mode, ADD, added, 0]);
        }
      }
    }
  });
});

describe("the address cache", () => {
  const encoded = (cache: AddressCache, address: number, here: number): { mode: number; bytes: Buffer } => {
    const mode = cache.encode(address, here);
    const bytes = Buffer.alloc(mode >= SAME_MODE ? 1 : varintSize(cache.value), cache.value);
    if (mode < SAME_MODE) writeVarint(bytes, 0, cache.value);
    return { mode, bytes };
  };

  it("knows each of its modes", () => {
    const cache = new AddressCache();
    expect([cache.encode(100, 100_000), cache.value]).toEqual([SELF_MODE, 100]);
    expect([cache.encode(99_990, 100_000), cache.value]).toEqual([HERE_MODE, 10]);
    expect([cache.encode(50_000, 100_000), cache.value]).toEqual([SELF_MODE, 50_000]);
    expect([cache.encode(50_020, 100_000), cache.value]).toEqual([NEAR_MODE + 2, 20]);
    for (let i = 0; i < 4; i++) cache.encode(20_000 + 300 * i, 100_000);
    expect([cache.encode(50_000, 100_000), cache.value]).toEqual([SAME_MODE + ((50_000 % 768) >> 8), (50_000 % 768) & 255]);
    cache.reset();
    expect(cache.encode(50_000, 100_000)).toBe(SELF_MODE);
  });

  it("reads what it wrote, beyond 32 bits too, in the fewest bytes that any mode takes", () => {
    const address = fc.oneof(fc.nat(2000), fc.nat(1 << 20), fc.maxSafeNat().map((n) => n % 2 ** 45));
    fc.assert(
      fc.property(fc.array(fc.tuple(address, fc.nat(5000)), { maxLength: 60 }), (list) => {
        const [writer, reader] = [new AddressCache(), new AddressCache()];
        const again = list.flatMap(([first, step]) => [[first, step], [first + step, 1], [first, 7]] as const);
        for (const [at, distance] of again) {
          const here = at + distance + 1;
          const { mode, bytes } = encoded(writer, at, here);
          const cursor = new Cursor(bytes);
          expect(reader.decode(cursor, mode, here)).toBe(at);
          expect(cursor.left).toBe(0);
          expect(bytes.length).toBeLessThanOrEqual(Math.min(varintSize(at), varintSize(here - at)));
        }
      }),
    );
  });

  it("refuses addresses that are not below here", () => {
    for (const [mode, n] of [[SELF_MODE, 10], [SELF_MODE, 2 ** 50], [HERE_MODE, 11], [HERE_MODE, 0], [NEAR_MODE, 10]] as const) {
      const bytes = Buffer.alloc(varintSize(n));
      writeVarint(bytes, 0, n);
      expect(() => new AddressCache().decode(new Cursor(bytes), mode, 10)).toThrow(ballastError("OBJECT_CORRUPT", /where nothing is/));
    }
    expect(() => new AddressCache().decode(new Cursor(Buffer.alloc(1)), SAME_MODE, 0)).toThrow(ballastError("OBJECT_CORRUPT"));
  });
});

describe("the checksum", () => {
  it("is zlib's, of any bytes in any pieces", () => {
    const zlib = (bytes: Uint8Array): number => deflateSync(bytes, { level: 0 }).subarray(-4).readUInt32BE();
    for (const [length, byte] of [[0, 0], [1, 255], [4095, 255], [4096, 255], [4097, 255], [70_000, 255], [1_000_003, 255], [70_000, 0]] as const) {
      const bytes = Buffer.alloc(length, byte);
      expect(adler32(bytes)).toBe(zlib(bytes));
    }
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 9000, size: "max" }), fc.nat(), (bytes, at) => {
        const cut = at % (bytes.length + 1);
        expect(adler32(bytes.subarray(cut), adler32(bytes.subarray(0, cut)))).toBe(zlib(bytes));
      }),
    );
  });
});

describe("the application header", () => {
  it("comes back, and that of another program is not taken for ours", () => {
    const [oid, base] = [oidOf(Buffer.from("a")), oidOf(Buffer.from("b"))];
    expect(formatAppHeader({ oid, base })).toBe(`${oid}//${base}/`);
    expect(parseAppHeader(`${oid}//${base}/`)).toEqual({ oid, base });
    for (const other of ["", "new//old/", `${oid}//${base}`, `${oid}//${base}//`, `${oid}/G/${base}/`, `${oid}//${base}/G`, `${oid.toUpperCase()}//${base}/`]) expect(parseAppHeader(other)).toBeUndefined();
  });
});
