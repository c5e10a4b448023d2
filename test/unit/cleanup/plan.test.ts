import fc from "fast-check";
import { expect, test } from "vitest";
import { planCleanup, type Facts, type Limits } from "../../../src/cleanup/plan.ts";
import { formatName, objectKey, type ObjectName } from "../../../src/object/name.ts";
import { oidOf, type Oid } from "../../../src/object/oid.ts";

const DAY = 24 * 3600 * 1000;
const NOW = 1000 * DAY;
const LIMITS: Limits = { graceMs: 14 * DAY, delayMs: DAY, now: false };
const id = (name: string | number): Oid => oidOf(Buffer.from(String(name)));
const whole = (name: string | number, daysOld = 30) => object({ oid: id(name), encoding: "raw" }, daysOld);
const delta = (name: string | number, base: string | number, daysOld = 30) => object({ oid: id(name), encoding: "delta", base: id(base) }, daysOld);
function object(name: ObjectName, daysOld: number): Facts["objects"][number] {
  return { name, key: objectKey(name), sizeBytes: formatName(name).length, modifiedMs: NOW - daysOld * DAY };
}
const facts = (objects: Facts["objects"], needed: (string | number)[] = [], marks: [string | number, number][] = []): Facts => ({
  objects,
  needed: new Set(needed.map(id)),
  marks: marks.map(([name, daysOld]) => ({ key: "", oids: [id(name)], writtenMs: NOW - daysOld * DAY })),
  nowMs: NOW,
});
const oids = (dead: readonly { oid: Oid }[]): Oid[] => dead.map(({ oid }) => oid);

test.each([
  ["needed", facts([whole("x")], ["x"], [["x", 5]]), "live"],
  ["dead, and younger than the grace", facts([whole("x", 13)]), "young"],
  ["dead and older", facts([whole("x", 15)]), "mark"],
  ["marked an hour ago", facts([whole("x")], [], [["x", 0.04]]), "waiting"],
  ["marked two days ago", facts([whole("x")], [], [["x", 2]]), "remove"],
  ["marked and written again since", facts([whole("x", 1)], [], [["x", 2]]), "young"],
  ["marked, written again and old again", facts([whole("x", 15)], [], [["x", 20]]), "mark"],
  ["of which one encoding is young", facts([whole("x"), delta("x", "y", 2), whole("y")], [], [["x", 20], ["y", 20]]), "young"],
])("a content that is %s", (_, given, expected) => {
  const { live, young, mark, waiting, waves } = planCleanup(given, LIMITS);
  const where = live > 0 ? "live" : oids(young).includes(id("x")) ? "young" : oids(mark).includes(id("x")) ? "mark" : oids(waiting).includes(id("x")) ? "waiting" : oids(waves.flat()).includes(id("x")) ? "remove" : "nowhere";
  expect(where).toBe(expected);
});

test("deltas go before their bases, and a base waits for whatever stays", () => {
  const chain = [whole(0), delta(1, 0), delta(2, 1)];
  const all: [number, number][] = [[0, 2], [1, 2], [2, 2]];
  expect(planCleanup(facts(chain, [], all), LIMITS).waves.map(oids)).toEqual([[id(2)], [id(1)], [id(0)]]);
  // The middle one is marked too late: only what stands on it may go.
  const { waves, waiting } = planCleanup(facts(chain, [], [[0, 2], [1, 0.1], [2, 2]]), LIMITS);
  expect(waves.map(oids)).toEqual([[id(2)]]);
  expect(oids(waiting).sort()).toEqual([id(0), id(1)].sort());
  expect(planCleanup(facts(chain, [1], all), LIMITS)).toMatchObject({ live: 2, waves: [[{ oid: id(2) }]] });
});

test("only what was announced goes, and --now needs no mark", () => {
  const given = facts([whole("a"), whole("b"), delta("c", "b")]);
  expect(oids(planCleanup(given, { ...LIMITS, now: true }).waves.flat()).sort()).toEqual([id("a"), id("b"), id("c")].sort());
  expect(oids(planCleanup(given, { ...LIMITS, now: true, only: new Set([id("a"), id("b")]) }).waves.flat())).toEqual([id("a")]);
});

test("whatever the store, the marks and the claims: nothing that is needed loses a way to be decoded, at any moment of the removal", () => {
  const names = fc.integer({ min: 0, max: 6 });
  const objects = fc.array(fc.oneof(fc.tuple(names, fc.integer({ min: 0, max: 40 })), fc.tuple(names, names, fc.integer({ min: 0, max: 40 }))), { maxLength: 14 });
  const marks = fc.array(fc.tuple(names, fc.integer({ min: 0, max: 40 })), { maxLength: 8 });
  const limits = fc.record({ graceMs: fc.constantFrom(0, 14 * DAY), delayMs: fc.constantFrom(0, DAY), now: fc.boolean() });
  fc.assert(
    fc.property(objects, fc.array(names, { maxLength: 4 }), marks, limits, (made, needed, marked, chosen) => {
      const unique = new Map(made.filter((one) => one.length === 2 || one[0] !== one[1]).map((one) => (one.length === 2 ? whole(one[0], one[1]) : delta(one[0], one[1], one[2]))).map((one) => [one.key, one]));
      const given = facts([...unique.values()], needed, marked);
      const plan = planCleanup(given, chosen);
      const needy = [...given.needed].filter((oid) => decodable(oid, [...unique.values()]));
      const left = new Map(unique);
      for (const wave of plan.waves) {
        for (const { objects: gone } of wave) for (const { key } of gone) left.delete(key);
        for (const oid of needy) expect(decodable(oid, [...left.values()])).toBe(true);
        // Nothing stays whose base has gone, but for what could not be decoded before.
        for (const { name } of left.values()) if (name.base !== undefined && [...unique.values()].some((one) => one.name.oid === name.base)) expect([...left.values()].some((one) => one.name.oid === name.base)).toBe(true);
      }
      const counted = [...plan.waves.flat(), ...plan.mark, ...plan.waiting, ...plan.young];
      expect(new Set(oids(counted)).size).toBe(counted.length);
      expect(counted.length + plan.live).toBe(new Set(given.objects.map(({ name }) => name.oid)).size);
      for (const oid of oids(counted)) expect(given.needed.has(oid)).toBe(false);
    }),
    { numRuns: 500 },
  );
});

function decodable(oid: Oid, objects: readonly { readonly name: ObjectName }[], path: readonly Oid[] = []): boolean {
  if (path.includes(oid)) return false;
  return objects.some(({ name }) => name.oid === oid && (name.base === undefined || decodable(name.base, objects, [...path, oid])));
}
