import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import fc from "fast-check";
import { ungzip } from "pako";
import { describe, expect, it } from "vitest";
import { BLOCK_BYTES, gzipBlocks } from "../../../src/object/gzip-blocks.ts";
import { gunzip } from "../../../src/object/gzip.ts";
import { writeTexts } from "../../bench/texts.ts";
import { collect, pieces, temporaryDirectory } from "./support.ts";

/** Sizes around those at which a block ends, and others. */
const sizes = fc.oneof(
  fc.tuple(fc.integer({ min: 0, max: 3 }), fc.integer({ min: -2, max: 2 })).map(([blocks, beside]) => Math.max(0, blocks * BLOCK_BYTES + beside)),
  fc.integer({ min: 0, max: 3 * BLOCK_BYTES }),
);
/** Content that repeats itself over more or less than a deflate window, partly random. */
const contents = fc.tuple(sizes, fc.integer({ min: 1, max: 100_000 }), fc.integer({ min: 1, max: 256 }), fc.integer()).map(([size, period, values, seed]) => {
  const bytes = Buffer.alloc(size);
  let state = seed | 1;
  for (let i = 0; i < size; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    bytes[i] = i < period || (state >>> 8) % 100 === 0 ? (state >>> 16) % values : bytes[i - period]!;
  }
  return bytes;
});
const levels = fc.integer({ min: 1, max: 9 });
const pieceBytes = fc.integer({ min: 3000, max: 2 * BLOCK_BYTES });

describe("gzip in blocks", () => {
  it("is one gzip file that every decoder reads, and the same one for any number of cores and any pieces", async () => {
    await fc.assert(
      fc.asyncProperty(contents, levels, pieceBytes, pieceBytes, fc.integer({ min: 2, max: 9 }), async (bytes, level, size, other, atOnce) => {
        const encoded = await collect(gzipBlocks(pieces(bytes, size), level, 1));
        expect(gunzipSync(encoded).equals(bytes)).toBe(true);
        expect(Buffer.from(ungzip(encoded)).equals(bytes)).toBe(true);
        // Ours refuses whatever stands behind the end of the first member.
        expect((await collect(gunzip(pieces(encoded, size), bytes.length))).equals(bytes)).toBe(true);
        expect((await collect(gzipBlocks(pieces(bytes, other), level, atOnce))).equals(encoded)).toBe(true);
      }),
      { numRuns: 25 },
    );
  });

  it("takes no more than a thousandth above what one stream takes, and the same where there is one block", async () => {
    const directory = temporaryDirectory();
    writeTexts(directory, 1, 5_000_000);
    const bytes = await readFile(join(directory, "chapter-01.txt"));
    const [blocks, stream] = [await collect(gzipBlocks(pieces(bytes, 100_000), 6)), gzipSync(bytes, { level: 6 })];
    expect(blocks.length).toBeLessThan(stream.length * 1.001);
    const small = bytes.subarray(0, BLOCK_BYTES);
    expect((await collect(gzipBlocks(pieces(small, 100_000), 6))).subarray(10).equals(gzipSync(small, { level: 6 }).subarray(10))).toBe(true);
  });

  it("has blocks in the works at the same time, as many as it may and no more", async () => {
    let asked = 0;
    const source = async function* () {
      for (; asked < 20; asked++) yield Buffer.alloc(BLOCK_BYTES, asked);
    };
    for (const atOnce of [1, 4]) {
      asked = 0;
      const encoded = gzipBlocks(source(), 6, atOnce);
      // The header, then the first block.
      for (let i = 0; i < 2; i++) expect((await encoded.next()).done).toBe(false);
      expect(asked).toBe(atOnce);
      await encoded.return(undefined);
    }
  });

  it("passes on the failure of its source, even with blocks in the works", async () => {
    const broken = new Error("the disk went away");
    const source = async function* () {
      for (let i = 0; i < 3; i++) yield Buffer.alloc(BLOCK_BYTES, i);
      throw broken;
    };
    await expect(collect(gzipBlocks(source(), 6, 8))).rejects.toBe(broken);
  });
});
