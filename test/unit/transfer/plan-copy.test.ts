import fc from "fast-check";
import { expect, test } from "vitest";
import { formatName, objectKey, parseName } from "../../../src/object/name.ts";
import { parseOid, type Oid } from "../../../src/object/oid.ts";
import type { StoredObject } from "../../../src/store/port.ts";
import { choose, planCopy, type CopyPlan } from "../../../src/transfer/plan-copy.ts";
import { listingOf } from "../../support/memory-store.ts";

type Names = Record<string, number | "archived">;

const oid = (digit: string): Oid => parseOid(digit.repeat(64));
const [a, b, c, d] = [oid("a"), oid("b"), oid("c"), oid("d")];
const delta = (target: Oid, base: Oid): string => `${target}.${base}.xd3`;

function plan(from: Names, wanted: readonly Oid[], to: Names = {}): Promise<CopyPlan> {
  return planCopy(listingOf(from), listingOf(to), wanted);
}

function objectNamed(text: string): StoredObject {
  const name = parseName(text)!;
  return { name, key: objectKey(name), sizeBytes: 1, modifiedMs: 0 };
}

const names = ({ objects }: CopyPlan): string[] => objects.map(({ name }) => formatName(name));

test("takes the smallest of several encodings", async () => {
  expect(names(await plan({ [a]: 100, [`${a}.gz`]: 60 }, [a]))).toEqual([`${a}.gz`]);
  expect(names(await plan({ [a]: 100, [`${a}.gz`]: 160 }, [a]))).toEqual([a]);
});

test("copies the bases of a delta before it, unless they are there", async () => {
  const chain = { [a]: 100, [delta(b, a)]: 5, [`${delta(c, b)}.gz`]: 5, [d]: 7 };
  expect(names(await plan(chain, [c, d]))).toEqual([a, d, delta(b, a), `${delta(c, b)}.gz`]);
  expect(names(await plan(chain, [c], { [b]: 1 }))).toEqual([`${delta(c, b)}.gz`]);
});

test("weighs a delta with the bases that it lacks there against the whole object", async () => {
  const both = { [a]: 100, [b]: 90, [delta(b, a)]: 5 };
  expect(names(await plan(both, [b]))).toEqual([b]);
  expect(names(await plan(both, [b], { [`${a}.gz`]: 50 }))).toEqual([delta(b, a)]);
  expect(names(await plan(both, [a, b]))).toEqual([a, delta(b, a)]);
  // A base that others need too is paid for once.
  const shared = { [a]: 100, [b]: 90, [delta(b, a)]: 5, [c]: 90, [delta(c, a)]: 5 };
  expect(names(await plan(shared, [b]))).toEqual([b]);
  expect(names(await plan(shared, [a, b, c]))).toEqual([a, delta(b, a), delta(c, a)]);
});

test("a base that many need is copied once", async () => {
  const many = Array.from({ length: 20 }, (_, i) => parseOid((i + 16).toString(16).padStart(64, "0")));
  const store: Names = { [a]: 100, ...Object.fromEntries(many.map((one) => [delta(one, a), 3])) };
  expect(names(await plan(store, many))).toEqual([a, ...many.map((one) => delta(one, a)).sort()]);
});

test("a delta at the destination whose base is gone there counts for nothing, and needs its base alone", async () => {
  const local = { [a]: 10, [b]: 90, [delta(b, a)]: 5 };
  expect(names(await plan(local, [b], { [delta(b, a)]: 5 }))).toEqual([a]);
  expect(names(await plan({ ...local, [a]: 100 }, [b], { [delta(b, a)]: 5 }))).toEqual([b]);
  expect(await plan({}, [b], { [delta(b, a)]: 5 })).toEqual({ objects: [], unavailable: [b], archived: [], lost: [b, a] });
});

test("takes a larger encoding when the base of the smaller is nowhere, and tells what is lost", async () => {
  expect(names(await plan({ [a]: 100, [delta(a, b)]: 5 }, [a]))).toEqual([a]);
  expect(await plan({ [delta(a, b)]: 5, [delta(b, c)]: 5 }, [a])).toEqual({ objects: [], unavailable: [a], archived: [], lost: [a, b, c] });
});

test("never ends in a circle of deltas", async () => {
  expect((await plan({ [delta(a, b)]: 5, [delta(b, a)]: 5 }, [a, b])).unavailable).toEqual([a, b]);
  const broken = { [delta(a, b)]: 5, [a]: 50, [delta(b, a)]: 5 };
  expect(names(await plan(broken, [a, b]))).toEqual([a, delta(b, a)]);
  expect((await plan({ [delta(b, a)]: 5 }, [a], { [delta(a, b)]: 5 })).unavailable).toEqual([a]);
});

test("tells what an archive has, or has the base of, from what is nowhere", async () => {
  const { objects, unavailable, archived } = await plan({ [a]: "archived" }, [a, b]);
  expect({ objects, unavailable, archived }).toEqual({ objects: [], unavailable: [b], archived: [a] });
  expect(names(await plan({ [`${a}.gz`]: "archived", [a]: 9 }, [a]))).toEqual([a]);
  expect((await plan({ [a]: "archived", [delta(b, a)]: 4 }, [b])).archived).toEqual([b]);
});

test("what the source could not give after all is not planned again", async () => {
  const from = listingOf({ [a]: 9, [`${a}.gz`]: 3 });
  const refused = new Set([`objects/aa/${a}.gz`]);
  expect(names(await planCopy(from, listingOf({}), [a], { refused }))).toEqual([a]);
  refused.add(`objects/aa/${a}`);
  expect((await planCopy(from, listingOf({}), [a], { refused })).unavailable).toEqual([a]);
});

test("does not ask a store again for what another one named as a base", async () => {
  const asked: string[][] = [];
  const remote = { find: async (oids: Iterable<Oid>) => (asked.push([...oids]), new Map()) };
  await planCopy(listingOf({ [a]: 9, [delta(b, a)]: 3, [delta(c, b)]: 3 }), remote, [c]);
  expect(asked).toEqual([[c, b, a]]);
});

test("a chain of any length needs no stack", () => {
  const long = Array.from({ length: 20_000 }, (_, i) => parseOid(i.toString(16).padStart(64, "0")));
  const catalogue = new Map(long.map((one, i) => [one, [objectNamed(i === 0 ? one : delta(one, long[i - 1]!))]]));
  expect(choose(new Set([long.at(-1)!]), catalogue, new Map(), new Set()).objects).toHaveLength(20_000);
});

/** Small stores, in which every choice of objects can be tried. */
const OIDS = [a, b, c, d];
const POSSIBLE = OIDS.flatMap((one) => [one, `${one}.gz`, ...OIDS.filter((base) => base !== one).map((base) => delta(one, base))]);
const listing = (most: number) => fc.uniqueArray(fc.tuple(fc.constantFrom(...POSSIBLE), fc.integer({ min: 1, max: 9 })), { selector: ([name]) => name, maxLength: most }).map((pairs): Names => Object.fromEntries(pairs));

function decodable(objects: Iterable<string>): Set<Oid> {
  const known = new Set<Oid>();
  const all = [...objects].map((name) => parseName(name)!);
  for (let before = -1; before < known.size; ) {
    before = known.size;
    for (const { oid, base } of all) if (base === undefined || known.has(base)) known.add(oid);
  }
  return known;
}

/** The fewest bytes that make everything decodable that can be, by trying. */
function fewest(from: Names, to: Names, wanted: readonly Oid[]): number {
  const all = Object.keys(from).filter((name) => !(name in to));
  let least = Infinity;
  for (let set = 0; set < 1 << all.length; set++) {
    const chosen = all.filter((_, i) => set & (1 << i));
    const bytes = chosen.reduce((sum, name) => sum + (from[name] as number), 0);
    if (bytes < least && wanted.every((one) => decodable([...chosen, ...Object.keys(to)]).has(one))) least = bytes;
  }
  return least;
}

test("whatever the stores hold: all that can be had is had, by the fewest bytes for one oid and nearly the fewest for many", async () => {
  let exact = 0;
  let runs = 0;
  await fc.assert(
    fc.asyncProperty(listing(9), listing(3), fc.subarray(OIDS, { minLength: 1 }), async (from, to, wanted) => {
      const { objects, unavailable } = await plan(from, wanted, to);
      const can = decodable([...Object.keys(from), ...Object.keys(to)]);
      expect(unavailable).toEqual(wanted.filter((one) => !can.has(one)));
      const had = Object.keys(to);
      for (const { name } of objects) {
        // Each one can be decoded the moment it is there.
        had.push(formatName(name));
        expect(decodable(had)).toContain(name.oid);
      }
      const possible = wanted.filter((one) => can.has(one));
      for (const one of possible) expect(decodable(had)).toContain(one);
      const bytes = objects.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
      const least = fewest(from, to, possible);
      if (possible.length === 1) expect(bytes).toBe(least);
      expect(bytes).toBeLessThanOrEqual(2 * least);
      runs += 1;
      exact += bytes === least ? 1 : 0;
    }),
    { numRuns: 300 },
  );
  expect(exact / runs).toBeGreaterThan(0.9);
});

test("the answer does not depend on the order of listings or of wishes", async () => {
  await fc.assert(
    fc.asyncProperty(listing(9), fc.shuffledSubarray(OIDS, { minLength: 4 }), async (from, wanted) => {
      const turned = Object.fromEntries(Object.entries(from).reverse());
      expect(names(await plan(turned, wanted))).toEqual(names(await plan(from, OIDS)));
    }),
  );
});
