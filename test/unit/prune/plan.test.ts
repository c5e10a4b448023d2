import fc from "fast-check";
import { expect, test } from "vitest";
import { objectKey, type ObjectName } from "../../../src/object/name.ts";
import { parseOid, type Oid } from "../../../src/object/oid.ts";
import { planPrune, type Facts, type Limits } from "../../../src/prune/plan.ts";
import type { StoredObject } from "../../../src/store/port.ts";

const DIGITS = "0123456789";
const oid = (digit: number): Oid => parseOid(DIGITS[digit]!.repeat(64));
const stored = (name: ObjectName, sizeBytes: number): StoredObject => ({ name, key: objectKey(name), sizeBytes, modifiedMs: 0 });
const digits = fc.array(fc.integer({ min: 0, max: 9 }), { maxLength: 10 });

/** Any objects at all: contents with several encodings, chains, circles, bases that are not there. */
const anyFacts: fc.Arbitrary<Facts> = fc
  .record({
    objects: fc.uniqueArray(fc.record({ of: fc.integer({ min: 0, max: 9 }), base: fc.option(fc.integer({ min: 0, max: 9 }), { nil: undefined }), sizeBytes: fc.integer({ min: 1, max: 100 }) }), {
      maxLength: 16,
      selector: ({ of, base }) => `${of} ${base}`,
    }),
    unpushed: digits,
    present: digits,
    uses: fc.array(fc.integer({ min: 0, max: 1000 }), { minLength: 10, maxLength: 10 }),
  })
  .map(({ objects, unpushed, present, uses }) => ({
    objects: objects.filter(({ of, base }) => of !== base).map(({ of, base, sizeBytes }) => stored(base === undefined ? { oid: oid(of), encoding: "raw" } : { oid: oid(of), encoding: "delta", base: oid(base) }, sizeBytes)),
    unpushed: new Set(unpushed.map(oid)),
    present: new Set(present.map(oid)),
    lastUseMs: (one) => (uses[DIGITS.indexOf(one[0]!)]! > 900 ? Infinity : uses[DIGITS.indexOf(one[0]!)]!),
    nowMs: 1000,
  }));
const anyLimits: fc.Arbitrary<Limits> = fc.record({ recentMs: fc.option(fc.integer({ min: 0, max: 1000 }), { nil: undefined }), limitBytes: fc.option(fc.integer({ min: 0, max: 500 }), { nil: undefined }) });

test("whatever there is: nothing unpushed or absent elsewhere goes, no base of what stays, and deltas before bases", () => {
  fc.assert(
    fc.property(anyFacts, anyLimits, (facts, limits) => {
      const { waves, kept } = planPrune(facts, limits);
      const left = new Map<Oid, StoredObject[]>();
      for (const object of facts.objects) left.set(object.name.oid, [...(left.get(object.name.oid) ?? []), object]);
      const contents = left.size;
      for (const wave of waves) {
        expect(wave.length).toBeGreaterThan(0);
        for (const { oid } of wave) {
          expect(facts.unpushed.has(oid)).toBe(false);
          expect(facts.present.has(oid)).toBe(true);
        }
        // Killed anywhere in a wave, nothing is left without its base.
        const bases = new Set([...left.values()].flat().map(({ name }) => name.base));
        for (const { oid } of wave) expect(bases.has(oid)).toBe(false);
        for (const { oid } of wave) left.delete(oid);
      }
      expect([...kept.values()].flat().length + waves.flat().length).toBe(contents);
      expect(left.size).toBe([...kept.values()].flat().length);
      const bytes = [...left.values()].flat().reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
      // Above the limit, everything that could go has gone.
      const mayGo = ["recent", "room"].flatMap((reason) => kept.get(reason as "recent") ?? []);
      if (limits.limitBytes !== undefined && bytes > limits.limitBytes) expect(mayGo).toEqual([]);
      if (limits.recentMs !== undefined) for (const { lastUseMs } of mayGo) expect(facts.nowMs - lastUseMs).toBeLessThan(limits.recentMs);
    }),
    { numRuns: 3000 },
  );
});

test("below the limit, what was of use the least recently goes, and no more than is needed", () => {
  const objects = [0, 1, 2, 3].map((digit) => stored({ oid: oid(digit), encoding: "raw" }, 10));
  const all = new Set([0, 1, 2, 3].map(oid));
  const facts: Facts = { objects, unpushed: new Set(), present: all, lastUseMs: (one) => [30, 10, Infinity, 20][DIGITS.indexOf(one[0]!)]!, nowMs: 100 };
  const gone = (limitBytes: number): Oid[] => planPrune(facts, { recentMs: undefined, limitBytes }).waves.flat().map((one) => one.oid);
  expect([40, 39, 30, 20, 10, 0].map((limit) => gone(limit).map((one) => Number(one[0])))).toEqual([[], [1], [1], [1, 3], [1, 3, 0], [1, 3, 0, 2]]);
});

test("a long chain of many contents is planned quickly", () => {
  const COUNT = 50_000;
  const name = (i: number): Oid => parseOid(i.toString(16).padStart(64, "0"));
  const objects = Array.from({ length: COUNT }, (_, i) => stored(i % 16 === 0 ? { oid: name(i), encoding: "raw" } : { oid: name(i), encoding: "delta", base: name(i - 1) }, 1));
  const before = performance.now();
  const { waves } = planPrune({ objects, unpushed: new Set(), present: new Set(objects.map((object) => object.name.oid)), lastUseMs: () => 0, nowMs: 1 }, { recentMs: undefined, limitBytes: 0 });
  expect(waves).toHaveLength(16);
  expect(waves.flat()).toHaveLength(COUNT);
  expect(performance.now() - before).toBeLessThan(5000);
});
