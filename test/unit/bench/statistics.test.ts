import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { exponent, median, ratioOf, spreadOf } from "../../bench/statistics.ts";

const values = fc.array(fc.double({ min: 0.001, max: 1e6, noNaN: true }), { minLength: 1, maxLength: 20 });

describe("the median", () => {
  it("is the value in the middle, or between the two in the middle", () => {
    expect(median([10, 1, 9])).toBe(9);
    expect(median([100, 1, 3, 2])).toBe(2.5);
    expect(() => median([])).toThrow();
  });

  it("has no more than half of the values on either side, and lies in the spread", () => {
    fc.assert(fc.property(values, (some) => {
      const { median: middle, min, max } = spreadOf(some);
      expect(some.filter((value) => value < middle).length).toBeLessThanOrEqual(some.length / 2);
      expect(some.filter((value) => value > middle).length).toBeLessThanOrEqual(some.length / 2);
      expect(min <= middle && middle <= max).toBe(true);
    }));
  });
});

describe("the ratio", () => {
  it("is that of each round, so that a slow round does not count for one side", () => {
    expect(ratioOf([2, 200, 4], [1, 100, 2])).toBe(2);
    expect(ratioOf([1, 100, 2], [2, 200, 4])).toBe(0.5);
  });

  it("takes the rounds that both have", () => {
    expect(ratioOf([3], [1, 50, 60])).toBe(3);
    expect(ratioOf([1, 50, 60], [2])).toBe(0.5);
  });

  it("is none where nothing was measured", () => {
    expect(ratioOf([1], [])).toBeUndefined();
    expect(ratioOf([], [1])).toBeUndefined();
    expect(ratioOf([1], [0])).toBeUndefined();
  });

  it("of anything to itself is 1", () => {
    fc.assert(fc.property(values, (some) => ratioOf(some, some) === 1));
  });
});

describe("the exponent of growth", () => {
  it("is that of the power by which cost follows work", () => {
    expect(exponent([10, 3], [1000, 300])).toBeCloseTo(1);
    expect(exponent([10, 3], [1000, 3])).toBeCloseTo(0);
    fc.assert(fc.property(fc.double({ min: -2, max: 3, noNaN: true }), fc.integer({ min: 2, max: 1000 }), (power, times) => Math.abs(exponent([7, 5], [7 * times, 5 * times ** power])! - power) < 1e-6));
  });

  it("is none where nothing was measured", () => {
    expect(exponent([1, 0], [10, 1])).toBeUndefined();
  });
});
