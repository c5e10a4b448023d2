import { describe, expect, test } from "vitest";
import { estimateShared } from "../../../src/delta/estimate.ts";
import { similarity, sketch } from "../../../src/delta/sketch.ts";
import { memoryAccess } from "../../../src/util/random-access.ts";
import { noise } from "./edits.ts";

const MIB = 1024 * 1024;
const shared = (target: Buffer, base: Buffer): number => estimateShared(memoryAccess(target), memoryAccess(base));
const alike = (a: Buffer, b: Buffer): number => similarity(sketch(memoryAccess(a)), sketch(memoryAccess(b)));

describe("what two contents share", () => {
  const base = noise(12 * MIB, 1);

  test("is all of it when they are equal, or slid along", () => {
    expect(shared(base, base)).toBe(1);
    expect(shared(Buffer.concat([noise(1234, 2), base]), base)).toBeGreaterThan(0.9);
    expect(shared(Buffer.concat([base.subarray(7 * MIB), base.subarray(0, 7 * MIB)]), base)).toBeGreaterThan(0.7);
  });

  test("is about half when half is new", () => {
    const half = shared(Buffer.concat([noise(6 * MIB, 3), base.subarray(0, 6 * MIB)]), base);
    expect(half).toBeGreaterThan(0.3);
    expect(half).toBeLessThan(0.7);
  });

  test("is nothing when they are unrelated, or one is empty", () => {
    expect(shared(noise(5 * MIB, 4), base)).toBeLessThan(0.02);
    expect(shared(Buffer.alloc(0), base)).toBe(0);
    expect(shared(base, Buffer.alloc(0))).toBe(0);
  });

  test("is found in a base of which only a part is looked through", () => {
    const large = noise(100 * MIB, 5);
    const moved = Buffer.concat([large.subarray(61 * MIB + 77), large.subarray(0, 61 * MIB + 77)]);
    expect(shared(moved, large)).toBeGreaterThan(0.3);
    expect(shared(noise(30 * MIB, 6), large)).toBeLessThan(0.02);
  });

  test("does not count what repeats itself everywhere", () => {
    const cell = noise(512, 7);
    const grid = (seed: number): Buffer => Buffer.concat(Array.from({ length: 4096 }, (_, i) => Buffer.concat([cell, noise(4096, seed + i)])));
    expect(shared(grid(10_000), grid(20_000))).toBeLessThan(0.25);
  });
});

describe("sketches", () => {
  test("of similar files agree more than those of others", () => {
    const scene = noise(400_000, 8);
    const other = Buffer.from(scene);
    noise(30_000, 9).copy(other, 100_000);
    expect(alike(scene, scene)).toBe(1);
    expect(alike(scene, other)).toBeGreaterThan(0.6);
    expect(alike(scene, Buffer.concat([noise(999, 10), other]))).toBeGreaterThan(0.6);
    expect(alike(scene, noise(400_000, 11))).toBeLessThan(0.05);
  });

  test("do not depend on how the content is read, and are empty for short content", () => {
    const content = noise(3 * MIB + 5, 12);
    const again = sketch({ ...memoryAccess(content), read: (into, at) => void content.copy(into, 0, at) });
    expect(sketch(memoryAccess(content))).toEqual(again);
    expect([...again]).toEqual([...again].sort((a, b) => a - b));
    expect(sketch(memoryAccess(noise(10, 13)))).toHaveLength(0);
    expect(similarity(new Uint32Array(), new Uint32Array())).toBe(0);
  });
});
