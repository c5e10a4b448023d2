import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { formatName, objectKey, parseKey, parseName, type ObjectName } from "../../../src/object/name.ts";
import { oidOf } from "../../../src/object/oid.ts";
import { codecOf } from "../../../src/object/encodings.ts";
import { BallastError } from "../../../src/errors.ts";

const oid = fc.uint8Array({ maxLength: 8 }).map(oidOf);
const name: fc.Arbitrary<ObjectName> = fc
  .tuple(oid, oid, fc.constantFrom("raw" as const, "gzip" as const, "delta" as const, "delta+gzip" as const))
  .filter(([a, b]) => a !== b)
  .map(([a, base, encoding]) => (encoding.startsWith("delta") ? { oid: a, encoding, base } : { oid: a, encoding }));

describe("an object's name", () => {
  it("round-trips, alone and in its key", () => {
    fc.assert(
      fc.property(name, (value) => {
        expect(parseName(formatName(value))).toEqual(value);
        expect(parseKey(objectKey(value))).toEqual(value);
      }),
    );
  });

  it("has one spelling: whatever else is read as a name is written the same again", () => {
    const mangled = fc.tuple(name, fc.constantFrom("", ".gz", ".xd3", ".", ".zst", " ", "\n", "/"), fc.nat(140)).map(([value, extra, at]) => {
      const text = formatName(value);
      return text.slice(0, at) + extra + text.slice(at);
    });
    fc.assert(
      fc.property(fc.oneof(mangled, mangled.map((text) => text.toUpperCase()), fc.string()), (text) => {
        const parsed = parseName(text);
        if (parsed) expect(formatName(parsed)).toBe(text);
      }),
      { numRuns: 500 },
    );
  });

  it("is none in another object's directory, or as its own base", () => {
    const value: ObjectName = { oid: oidOf(Buffer.from("a")), encoding: "raw" };
    const key = objectKey(value);
    expect(parseKey(key.replace("objects/ca", "objects/cb"))).toBeUndefined();
    expect(parseName(`${value.oid}.${value.oid}.xd3`)).toBeUndefined();
  });

  it("of an encoding without a decoder is an error with that code", () => {
    const future = { oid: oidOf(Buffer.from("a")), encoding: "zstd" } as unknown as ObjectName;
    expect(() => codecOf(future)).toThrow(BallastError);
    expect(() => codecOf(future)).toThrow(expect.objectContaining({ code: "ENCODING_UNKNOWN" }));
  });
});
