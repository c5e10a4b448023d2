import { randomBytes } from "node:crypto";
import { describe, expect, it } from "vitest";
import { isWorthwhile, looksLikeNoise, sampleRanges, shrinks } from "../../../src/object/sample.ts";

const judge = (bytes: Buffer): boolean => shrinks(bytes.length, ({ start, end }) => bytes.subarray(start, end));

describe("the sample", () => {
  it("is the whole of a small file, and three places of a large one", () => {
    expect(sampleRanges(0)).toEqual([]);
    expect(sampleRanges(49_152)).toEqual([{ start: 0, end: 49_152 }]);
    expect(sampleRanges(1_000_000)).toEqual([
      { start: 0, end: 16_384 },
      { start: 491_808, end: 508_192 },
      { start: 983_616, end: 1_000_000 },
    ]);
    expect(sampleRanges(5_000_000).map(({ start, end }) => end - start)).toEqual([65_536, 65_536, 65_536]);
  });

  it("tells what shrinks from what does not", () => {
    expect(judge(Buffer.alloc(0))).toBe(false);
    expect(judge(Buffer.from("x"))).toBe(false);
    expect(judge(randomBytes(5_000_000))).toBe(false);
    expect(judge(Buffer.from("the same words again ".repeat(100_000)))).toBe(true);
    expect(judge(Buffer.concat([randomBytes(65_536), Buffer.alloc(3_000_000), randomBytes(65_536)]))).toBe(true);
  });

  it("takes random bytes for noise from half a kilobyte on, and no text, pictures or repeated noise", () => {
    const noisy = (bytes: Buffer): boolean => looksLikeNoise(bytes.length, ({ start, end }) => bytes.subarray(start, end));
    for (const size of [512, 1024, 2000, 4096, 50_000]) {
      expect(Array.from({ length: 100 }, () => noisy(randomBytes(size))).filter(Boolean).length).toBeGreaterThan(90);
      expect(noisy(Buffer.from(randomBytes(size).toString("base64")))).toBe(false);
      expect(noisy(Buffer.alloc(size, randomBytes(size >> 2)))).toBe(size > 4 * 4096);
      expect(noisy(Buffer.from(Array.from({ length: size }, (_, i) => 128 + 100 * Math.sin(i / 50))))).toBe(false);
    }
    expect(noisy(randomBytes(511))).toBe(false);
  });

  it("asks for five percent at least", () => {
    expect(isWorthwhile(1000, 950)).toBe(false);
    expect(isWorthwhile(1000, 949)).toBe(true);
  });
});
