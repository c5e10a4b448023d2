import { createHash } from "node:crypto";
import fc from "fast-check";
import { expect, it } from "vitest";
import { comparePaths } from "../../../src/manifest/path.ts";
import { oidOf } from "../../../src/object/oid.ts";
import { Entries, type IndexEntry } from "../../../src/worktree/stat-entries.ts";

const NONE = Buffer.alloc(0);
const path = fc.constantFrom("a", "a/b", "a.b", "a b", "b", "é", "\uffee", "🎨", "b/c", "b/c/d", "c", "ca", "cb", "cc", "cd", "z");
const entry = fc.record({ text: fc.constantFrom("x", "y"), exec: fc.boolean(), open: fc.constantFrom(undefined, "restore" as const, "conflict" as const), told: fc.boolean() }).map(({ text, exec, ...rest }): IndexEntry => ({ w: undefined, b: { oid: oidOf(Buffer.from(text)), exec }, ...rest }));
const step = fc.oneof({ weight: 3, arbitrary: fc.tuple(path, entry) }, { weight: 1, arbitrary: fc.tuple(path, fc.constant(undefined)) });

/** What all who ask are told. */
function told(entries: Entries, asked: Iterable<string>): unknown {
  return { size: entries.size, keys: [...entries.keys()].sort(comparePaths), inConflict: entries.inConflict().sort(comparePaths), each: [...asked].map((one) => [one, entries.get(one)]) };
}

function toldByModel(model: ReadonlyMap<string, IndexEntry>, asked: Iterable<string>): unknown {
  const keys = [...model.keys()].sort(comparePaths);
  return { size: model.size, keys, inConflict: keys.filter((one) => model.get(one)!.open === "conflict"), each: [...asked].map((one) => [one, model.get(one)]) };
}

it("entries are what was set last, in memory and after each writing, whatever was read before", () => {
  fc.assert(
    fc.property(fc.array(fc.array(step, { maxLength: 12 }), { maxLength: 4 }), fc.array(path, { maxLength: 6 }), (rounds, asked) => {
      const model = new Map<string, IndexEntry>();
      let bytes: Buffer = NONE;
      for (const round of rounds) {
        const entries = new Entries(bytes);
        for (const [one, value] of round) {
          if (value === undefined) expect(entries.delete(one)).toBe(model.delete(one));
          else entries.set(one, value), model.set(one, value);
        }
        expect(told(entries, asked)).toEqual(toldByModel(model, asked));
        bytes = entries.encode();
        expect(told(new Entries(bytes), asked)).toEqual(toldByModel(model, asked));
      }
      // However it came about, one set of entries has one encoding.
      const afresh = new Entries(NONE);
      for (const [one, value] of model) afresh.set(one, value);
      expect(afresh.encode().equals(new Entries(bytes).encode())).toBe(true);
    }),
  );
});

it("what an older version has written in another order is read, and written in order", () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.tuple(path, entry), { selector: ([one]) => one, minLength: 1 }), (list) => {
      const sorted = new Entries(NONE);
      for (const [one, value] of list) sorted.set(one, value);
      const old = new Entries(inOrder(sorted.encode(), list.map(([one]) => one)));
      const asked = list.map(([one]) => one);
      expect(told(old, asked)).toEqual(toldByModel(new Map(list), asked));
      expect(old.encode().equals(sorted.encode())).toBe(true);
    }),
  );
});

it("few of many entries are found, changed, added and removed without asking for the others", () => {
  const many = new Entries(NONE);
  const name = (i: number): string => `assets/${String(i).padStart(6, "0")}`;
  const content = { oid: oidOf(Buffer.from("x")), exec: false };
  for (let i = 0; i < 20_000; i += 2) many.set(name(i), { b: content });
  const read = new Entries(many.encode());
  for (const i of [0, 1, 9_998, 9_999, 19_998, 19_999]) {
    expect(read.isSettledAs(name(i), content)).toBe(i % 2 === 0);
    if (i % 2 === 0) read.delete(name(i));
    else read.set(name(i), { b: content });
  }
  const again = new Entries(read.encode());
  expect(again.size).toBe(10_000);
  expect([0, 1, 2, 9_998, 9_999, 10_000, 19_998, 19_999].map((i) => again.get(name(i)) !== undefined)).toEqual([false, true, true, false, true, true, false, true]);
});

/** The same index with its records in another order. */
function inOrder(bytes: Buffer, paths: readonly string[]): Buffer {
  const count = bytes.readUInt32LE(8);
  const recordsEnd = 16 + 136 * count;
  const before = bytes.toString("utf8", recordsEnd, bytes.length - 32).split("\0").slice(0, -1);
  const records = paths.map((one) => bytes.subarray(16 + 136 * before.indexOf(one), 16 + 136 * (before.indexOf(one) + 1)));
  const body = Buffer.concat([bytes.subarray(0, 16), ...records, Buffer.from(paths.map((one) => `${one}\0`).join(""))]);
  return Buffer.concat([body, createHash("sha256").update(body).digest()]);
}
