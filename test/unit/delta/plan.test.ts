import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { accepts, chooseBases, encoderLimit, isPromising, isWorthFetching, limitAfter, policyOf, type Candidate, type DeltaPolicy, type Kept, type Link } from "../../../src/delta/plan.ts";
import { oidOf, type Oid } from "../../../src/object/oid.ts";

const POLICY = policyOf({ maxRatio: 0.5, maxDepth: 4 });
const oid = (name: string): Oid => oidOf(Buffer.from(name));
const NAMES = new Map(["v0", "v1", "v2", "v3", "v4", "other"].map((name) => [oid(name), name]));

/** The last of versions whose objects take these bytes; the first is whole, each other a delta of the one before. */
function chain(prefix: string, sizes: readonly number[], more: Partial<Candidate> = {}): Candidate {
  const links: Link[] = [];
  let chainBytes = 0;
  for (const [depth, bytes] of sizes.entries()) links.push({ oid: oid(`${prefix}${depth}`), depth, chainBytes: (chainBytes += bytes) });
  const [last, ...ancestors] = links.reverse();
  return { ...last!, ancestors, why: "version", fetchBytes: 0, ...more };
}

const tried = (candidates: readonly Candidate[], fullBytes = 1_000_000, policy = POLICY): [string, number][] =>
  chooseBases(fullBytes, candidates, policy).map(({ base, limitBytes }) => [NAMES.get(base)!, limitBytes]);

describe("what is tried for content that takes 1,000,000 bytes whole", () => {
  const cases: [string, number[], [string, number][]][] = [
    ["a whole version: a delta of up to half of it", [1_000_000], [["v0", 500_000]]],
    ["a chain: its last version, and then the whole object that it begins with", [1_000_000, 100_000, 100_000], [["v2", 500_000], ["v0", 500_000]]],
    ["a chain that leaves room for little: so much, and then its root", [1_000_000, 400_000, 400_000], [["v2", 200_000], ["v0", 500_000]]],
    ["a chain that is as deep as it may be: its root", [1_000_000, 1000, 1000, 1000, 1000], [["v0", 500_000]]],
    ["a chain that costs all that a clone may fetch: its root", [1_000_000, 500_000, 500_000], [["v0", 500_000]]],
    ["a version that was far larger: nothing", [5_000_000], []],
    ["a version that was far smaller", [10_000], [["v0", 500_000]]],
  ];
  it.each(cases)("%s", (_name, sizes, expected) => {
    expect(tried([chain("v", sizes)])).toEqual(expected);
  });
});

describe("after a delta of 100,000 bytes on the last version, its chain's root", () => {
  const after = (baseChain: number, rootChain = 1_000_000, deltaBytes = 100_000): number =>
    limitAfter({ deltaBytes, chainBytes: baseChain + deltaBytes }, { chainBytes: rootChain, limitBytes: 500_000 }, 1_000_000, POLICY);

  it.each([
    ["is not tried when the chain is short", 1_200_000, 0],
    ["is tried when the chain is long: it may take what a clone then saves, at a tenth", 1_550_000, 150_000],
    ["is not tried for the last bit of room", 1_249_000, 0],
  ])("%s", (_name, baseChain, limitBytes) => {
    expect(after(baseChain)).toBe(limitBytes);
  });

  it("is not tried to save less than a hundredth of the content", () => {
    expect(after(1_090_000, 1_000_000, 100)).toBe(0);
    expect(after(1_110_000, 1_000_000, 100)).toBe(10_100);
  });
});

describe("a candidate", () => {
  const other: Candidate = { oid: oid("other"), depth: 0, chainBytes: 1_000_000, why: "similar", fetchBytes: 0, ancestors: [] };

  it("is tried in the order given, and once", () => {
    expect(tried([chain("v", [1_000_000]), other, other]).map(([base]) => base)).toEqual(["v0", "other"]);
    expect(tried([other, chain("v", [1_000_000])]).map(([base]) => base)).toEqual(["other", "v0"]);
  });

  it("is one of a few that are tried at all", () => {
    const many = Array.from({ length: 20 }, (_, i) => ({ ...other, oid: oid(`many ${i}`) }));
    expect(chooseBases(1_000_000, many, POLICY)).toHaveLength(POLICY.maxAttempts);
  });

  it("is not tried for content that takes next to nothing", () => {
    expect(tried([other], POLICY.minFullBytes - 1)).toEqual([]);
    expect(tried([{ ...other, chainBytes: 4096 }], POLICY.minFullBytes)).toEqual([["other", 2048]]);
  });

  it("that is elsewhere is tried where fetching it costs less than upload and place that it saves", () => {
    expect(tried([{ ...other, fetchBytes: 1_500_000 }])).toHaveLength(1);
    expect(tried([{ ...other, fetchBytes: 1_500_001 }])).toEqual([]);
    expect(isWorthFetching(0, 0, POLICY)).toBe(true);
  });
});

describe("encoding is begun", () => {
  it.each([
    ["with half in common", 0.5, 500_000, true],
    ["with hardly anything in common", 0.04, 500_000, false],
    ["with a quarter in common, when much is allowed", 0.25, 500_000, true],
    ["not with a quarter in common, when little is allowed", 0.25, 100_000, false],
    ["with nearly all in common, when little is allowed", 0.97, 30_000, true],
  ])("%s", (_name, shared, limitBytes, expected) => {
    expect(isPromising(shared, 1_000_000, { limitBytes }, POLICY)).toBe(expected);
  });
});

describe("whatever the history", () => {
  const policy: fc.Arbitrary<DeltaPolicy> = fc
    .record({ maxRatio: fc.integer({ min: 1, max: 100 }).map((share) => share / 100), maxDepth: fc.integer({ min: 1, max: 20 }) })
    .map(policyOf);
  /** A version: what it takes whole, what share of that its delta takes for each version between, and a jump. */
  const version = fc.record({ fullBytes: fc.integer({ min: 1, max: 3_000_000 }), share: fc.double({ min: 0, max: 1.2, noNaN: true }) });

  it("what is kept is small enough, no chain is too deep, and none costs a clone too much", () => {
    fc.assert(
      fc.property(policy, fc.array(version, { minLength: 1, maxLength: 60 }), (knobs, versions) => {
        const stored = new Map<Oid, Link & { base: Oid | undefined; storedBytes: number; at: number }>();
        let previous: Oid | undefined;
        for (const [at, { fullBytes, share }] of versions.entries()) {
          const id = oid(`version ${at}`);
          const candidates = previous === undefined ? [] : [candidateOf(stored, previous)];
          const attempts = chooseBases(fullBytes, candidates, knobs);
          expect(attempts.length).toBeLessThanOrEqual(knobs.maxAttempts);
          let made = { oid: id, depth: 0, chainBytes: fullBytes, base: undefined as Oid | undefined, storedBytes: fullBytes, at };
          let kept: Kept | undefined;
          for (const attempt of attempts) {
            const limitBytes = kept ? limitAfter(kept, attempt, fullBytes, knobs) : attempt.limitBytes;
            expect(limitBytes).toBeLessThanOrEqual(attempt.limitBytes);
            const base = stored.get(attempt.base)!;
            expect(attempt).toMatchObject({ depth: base.depth + 1, chainBytes: base.chainBytes });
            expect(attempt.limitBytes).toBeGreaterThan(0);
            const sizeBytes = fullBytes * 3;
            expect(encoderLimit(attempt, { sizeBytes, fullBytes }, knobs)).toBeGreaterThanOrEqual(attempt.limitBytes);
            expect(encoderLimit(attempt, { sizeBytes, fullBytes }, knobs)).toBeLessThanOrEqual(sizeBytes);
            expect(accepts(attempt, attempt.limitBytes, fullBytes, knobs)).toBe(true);
            const deltaBytes = Math.ceil(share * fullBytes * (1 - 0.9 ** (at - base.at)));
            if (deltaBytes > limitBytes || !accepts(attempt, deltaBytes, fullBytes, knobs)) continue;
            made = { oid: id, depth: base.depth + 1, chainBytes: base.chainBytes + deltaBytes, base: base.oid, storedBytes: deltaBytes, at };
            kept = { deltaBytes, chainBytes: made.chainBytes };
          }
          if (made.base !== undefined) {
            expect(made.storedBytes).toBeLessThanOrEqual(knobs.maxRatio * fullBytes);
            expect(made.depth).toBeLessThanOrEqual(knobs.maxDepth);
            expect(made.chainBytes).toBeLessThanOrEqual(2 * fullBytes);
          }
          stored.set(id, made);
          previous = id;
        }
      }),
      { numRuns: 500 },
    );
  });

  it("steady small edits take a small part of whole objects", () => {
    for (const share of [0.0001, 0.001, 0.01, 0.05]) {
      const stored = new Map<Oid, Link & { base: Oid | undefined; storedBytes: number; at: number }>();
      let total = 0;
      for (let at = 0; at < 200; at++) {
        const id = oid(`version ${at}`);
        const fullBytes = 1_000_000;
        const attempts = at === 0 ? [] : chooseBases(fullBytes, [candidateOf(stored, oid(`version ${at - 1}`))], policyOf({ maxRatio: 0.5, maxDepth: 16 }));
        const kept = attempts.find((attempt) => Math.ceil(fullBytes * Math.min(1, share * (at - stored.get(attempt.base)!.at))) <= attempt.limitBytes);
        const base = kept && stored.get(kept.base)!;
        const storedBytes = base ? Math.ceil(fullBytes * Math.min(1, share * (at - base.at))) : fullBytes;
        stored.set(id, { oid: id, depth: base ? base.depth + 1 : 0, chainBytes: storedBytes + (base?.chainBytes ?? 0), base: base?.oid, storedBytes, at });
        total += storedBytes;
      }
      // A whole object for each chain of 17 would take 12 of them, and the deltas between.
      expect(total, `${share}`).toBeLessThanOrEqual(1_000_000 * (12 + 200 * share));
    }
  });
});

function candidateOf(stored: ReadonlyMap<Oid, Link & { base: Oid | undefined }>, id: Oid): Candidate {
  const ancestors: Link[] = [];
  for (let base = stored.get(id)!.base; base !== undefined; base = stored.get(base)!.base) ancestors.push(stored.get(base)!);
  return { ...stored.get(id)!, why: "version", fetchBytes: 0, ancestors };
}
