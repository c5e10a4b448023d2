import { createHash } from "node:crypto";
import { gunzipSync } from "node:zlib";
import fc from "fast-check";
import { ungzip } from "pako";
import { describe, expect, it } from "vitest";
import { gunzip, gunzipWhole, gzip, gzipWhole, type GzipOptions } from "../../../src/object/gzip.ts";
import { BallastError } from "../../../src/errors.ts";
import { collect, failure, pieces } from "./support.ts";

const options: fc.Arbitrary<GzipOptions> = fc.record({
  engine: fc.constantFrom("zlib" as const, "pako" as const),
  level: fc.integer({ min: 1, max: 9 }),
});
const content = fc.oneof(
  fc.uint8Array({ maxLength: 2000 }),
  fc.tuple(fc.string({ minLength: 1 }), fc.integer({ min: 1, max: 20_000 })).map(([text, count]) => Buffer.from(text.repeat(count)).subarray(0, 300_000)),
);
const pieceBytes = fc.integer({ min: 1000, max: 100_000 });

describe("gzip", () => {
  it("decodes to what was encoded, whole or in pieces, by either engine at any level", async () => {
    await fc.assert(
      fc.asyncProperty(content, options, pieceBytes, async (bytes, settings, size) => {
        const whole = gzipWhole(bytes, settings);
        const streamed = await collect(gzip(pieces(bytes, size), settings));
        expect(gunzipWhole(whole).equals(bytes)).toBe(true);
        expect(gunzipWhole(streamed).equals(bytes)).toBe(true);
        expect((await collect(gunzip(pieces(whole, size)))).equals(bytes)).toBe(true);
        expect((await collect(gunzip(pieces(streamed, size)))).equals(bytes)).toBe(true);
      }),
      { numRuns: 60 },
    );
  });

  it("is read by the other engine", () => {
    fc.assert(
      fc.property(content, options, (bytes, settings) => {
        const encoded = gzipWhole(bytes, settings);
        expect(Buffer.from(ungzip(encoded)).equals(bytes)).toBe(true);
        expect(gunzipSync(encoded).equals(bytes)).toBe(true);
      }),
      { numRuns: 60 },
    );
  });

  it("has with pako the same bytes however the content arrives", async () => {
    await fc.assert(
      fc.asyncProperty(content, fc.integer({ min: 1, max: 9 }), pieceBytes, async (bytes, level, size) => {
        const settings: GzipOptions = { engine: "pako", level };
        expect((await collect(gzip(pieces(bytes, size), settings))).equals(gzipWhole(bytes, settings))).toBe(true);
      }),
      { numRuns: 40 },
    );
  });

  it("has with pako these very bytes, on every machine", () => {
    const bytes = Buffer.from(Array.from({ length: 50_000 }, (_, i) => `line ${i * i} of a file\n`).join(""));
    const hashes = [1, 6, 9].map((level) => createHash("sha256").update(gzipWhole(bytes, { engine: "pako", level })).digest("hex"));
    expect(hashes).toMatchInlineSnapshot(`
      [
        "2f846cb4577a0004f2400d935e34cd5a4ef4804fa3874b13e0ab8fd1dac01f49",
        "526b6e7a6cf51dc1af8273903656e87897dfb09a75fced5b3535918d7348d3ff",
        "46e0831b0d26797bbedec59b6f28c7069483ff3d01ea18b3ef08a68070f4e961",
      ]
    `);
    expect(Buffer.from(gzipWhole(bytes, { engine: "pako", level: 6 }).subarray(0, 10)).toString("hex")).toBe("1f8b0800000000000003");
  });

  it("refuses every truncation", async () => {
    const encoded = gzipWhole(Buffer.from("some content that is worth to be kept ".repeat(20)), { engine: "zlib", level: 6 });
    for (let length = 0; length < encoded.length; length++) {
      expect(() => gunzipWhole(encoded.subarray(0, length))).toThrow(BallastError);
      await failure(collect(gunzip(pieces(encoded.subarray(0, length), 7))), "OBJECT_CORRUPT");
    }
  });

  it("never gives other content for a flipped bit", async () => {
    const bytes = Buffer.from("some content that is worth to be kept ".repeat(20));
    const encoded = Buffer.from(gzipWhole(bytes, { engine: "zlib", level: 6 }));
    for (let bit = 0; bit < encoded.length * 8; bit++) {
      const damaged = Buffer.from(encoded);
      damaged[bit >> 3]! ^= 1 << (bit & 7);
      for (const decode of [async () => gunzipWhole(damaged), () => collect(gunzip(pieces(damaged, 50)))]) {
        // A bit of the header's time, flags or system is not a bit of the content.
        const result = await decode().catch((error: unknown) => error);
        if (Buffer.isBuffer(result)) expect(result.equals(bytes)).toBe(true);
        else expect(result).toMatchObject({ code: "OBJECT_CORRUPT" });
      }
    }
  });

  it("refuses what follows the end, even zeros", async () => {
    const encoded = gzipWhole(Buffer.from("content"), { engine: "zlib", level: 6 });
    for (const rest of [Buffer.alloc(1), Buffer.alloc(100_000), Buffer.from("rest"), Buffer.alloc(500_000, 1)]) {
      const bytes = Buffer.concat([encoded, rest]);
      expect(() => gunzipWhole(bytes)).toThrow(BallastError);
      for (const size of [1, encoded.length, 1000].filter((size) => bytes.length / size < 1e4)) {
        await failure(collect(gunzip(pieces(bytes, size))), "OBJECT_CORRUPT");
      }
    }
  });

  it("stops a bomb at the size that was expected", async () => {
    const bomb = gzipWhole(Buffer.alloc(50_000_000), { engine: "zlib", level: 9 });
    expect(() => gunzipWhole(bomb, 1000)).toThrow(BallastError);
    expect(() => gunzipWhole(gzipWhole(Buffer.alloc(1), { engine: "zlib", level: 9 }), 0)).toThrow(BallastError);
    let sizeBytes = 0;
    const reading = (async () => {
      for await (const chunk of gunzip(pieces(bomb, 10_000), 1_000_000)) sizeBytes += chunk.length;
    })();
    await failure(reading, "OBJECT_CORRUPT");
    expect(sizeBytes).toBeLessThanOrEqual(1_000_000);
    expect(gunzipWhole(bomb, 50_000_000)).toHaveLength(50_000_000);
  });

  it("passes on the failure of its source, and lets go of it when it is left early", async () => {
    const broken = new Error("the disk went away");
    const source = async function* () {
      yield Buffer.alloc(100_000);
      throw broken;
    };
    for (const engine of ["zlib", "pako"] as const) {
      await expect(collect(gzip(source(), { engine, level: 1 }))).rejects.toBe(broken);
    }
    await expect(collect(gunzip(source()))).rejects.toBeInstanceOf(Error);
    let released = false;
    const endless = async function* () {
      try {
        for (;;) yield Buffer.from(Array.from({ length: 70_000 }, () => Math.floor(Math.random() * 256)));
      } finally {
        released = true;
      }
    };
    for await (const chunk of gzip(endless(), { engine: "zlib", level: 1 })) {
      expect(chunk.length).toBeGreaterThan(0);
      break;
    }
    expect(released).toBe(true);
  });
});
