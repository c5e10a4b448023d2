import { expect, test } from "vitest";
import type { ObjectName } from "../../../src/object/name.ts";
import { parseOid, type Oid } from "../../../src/object/oid.ts";
import { neededBases } from "../../../src/transfer/keep-bases.ts";

const OIDS = ["a", "b", "c"].map((digit) => parseOid(digit.repeat(64)));

/** Every object that three oids can have: whole, or a difference from either of the others. */
const OBJECTS: ObjectName[] = OIDS.flatMap((oid) => [{ oid, encoding: "raw" as const }, ...OIDS.filter((base) => base !== oid).map((base) => ({ oid, encoding: "delta" as const, base }))]);

/** By the words of the rule: what stays is the least set that has all that does not go, and the bases of what it has. */
function stays(names: readonly ObjectName[], going: ReadonlySet<Oid>): Set<Oid> {
  let kept = new Set(OIDS.filter((oid) => !going.has(oid)));
  for (;;) {
    const more = new Set([...kept, ...names.flatMap(({ oid, base }) => (base !== undefined && kept.has(oid) ? [base] : []))]);
    if (more.size === kept.size) return kept;
    kept = more;
  }
}

function decodable(names: readonly ObjectName[]): Set<Oid> {
  const known = new Set<Oid>();
  for (let before = -1; before < known.size; ) {
    before = known.size;
    for (const { oid, base } of names) if (base === undefined || known.has(base)) known.add(oid);
  }
  return known;
}

test("in every store of three oids, for every choice of what goes: exactly what is needed stays, and nothing that stays is harmed", () => {
  let cases = 0;
  for (let set = 0; set < 1 << OBJECTS.length; set++) {
    const names = OBJECTS.filter((_, i) => set & (1 << i));
    for (let goes = 1; goes < 1 << OIDS.length; goes++) {
      const going = new Set(OIDS.filter((_, i) => goes & (1 << i)));
      const needed = neededBases(names, going);
      const kept = stays(names, going);
      expect([...needed.keys()].sort()).toEqual([...going].filter((oid) => kept.has(oid)).sort());
      for (const [base, dependent] of needed) expect(names.some(({ oid, base: theirs }) => oid === dependent && theirs === base)).toBe(true);
      const left = names.filter(({ oid }) => !going.has(oid) || needed.has(oid));
      const after = decodable(left);
      for (const oid of decodable(names)) if (kept.has(oid)) expect(after).toContain(oid);
      expect(neededBases(names.toReversed(), going)).toEqual(needed);
      cases += 1;
    }
  }
  expect(cases).toBe(512 * 7);
});
