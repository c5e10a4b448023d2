import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { formatRecord, formatRecordKey, hashOfPath, MOST_RECORD_BYTES, parseRecord, parseRecordKey, type LockRecord } from "../../../src/locks/record.ts";
import { refusal } from "../../../src/manifest/path.ts";

const path = fc.oneof(fc.constant("art/hero.psd"), fc.string({ unit: "binary", minLength: 1, maxLength: 40 }).filter((text) => refusal(text) === undefined));
const text = fc.string({ unit: "binary", maxLength: 40 }).filter((value) => value.isWellFormed());
const owner = fc.record({ name: text, email: text }).filter(({ name, email }) => name + email !== "");
const number = fc.integer({ min: 1, max: 1e14 });
const record = (of: number): fc.Arbitrary<LockRecord> =>
  fc.record({
    kind: fc.constant(of % 2 === 1 ? ("lock" as const) : ("unlock" as const)),
    path,
    owner,
    machine: text,
    timeMs: fc.integer({ min: 0, max: 4e12 }),
    nonce: text.filter((value) => value !== ""),
  });
const numbered = number.chain((of) => fc.record({ of: fc.constant(of), value: record(of) }));

describe("a record", () => {
  it("is read as it was written, at its own place only", () => {
    fc.assert(
      fc.property(numbered, path, ({ of, value }, other) => {
        const key = { pathHash: hashOfPath(value.path), number: of };
        const bytes = formatRecord(value);
        expect(parseRecordKey(formatRecordKey(key))).toEqual(key);
        expect(parseRecord(bytes, key)).toEqual(value);
        expect(parseRecord(bytes, { ...key, number: of + 1 })).toHaveProperty("why");
        fc.pre(other !== value.path);
        expect(parseRecord(bytes, { ...key, pathHash: hashOfPath(other) })).toEqual({ why: "it is of another path" });
      }),
    );
  });

  it("that was cut short or changed by a bit is refused or still says whose path it is, and never throws", () => {
    fc.assert(
      fc.property(numbered, fc.nat(), fc.nat({ max: 7 }), ({ of, value }, at, bit) => {
        const key = { pathHash: hashOfPath(value.path), number: of };
        const bytes = formatRecord(value);
        expect(parseRecord(bytes.subarray(0, at % (bytes.length - 1)), key)).toHaveProperty("why");
        bytes[at % bytes.length]! ^= 1 << bit;
        const parsed = parseRecord(bytes, key);
        if (!("why" in parsed)) expect(parsed.path).toBe(value.path);
      }),
    );
  });

  it("of any bytes never throws", () => {
    const bytes = fc.oneof(fc.uint8Array(), fc.json().map((json) => Buffer.from(json)));
    fc.assert(fc.property(bytes, (content) => void expect(parseRecord(content, { pathHash: hashOfPath("a"), number: 1 })).toHaveProperty("why")));
  });

  it("fits into what is read of one, at its longest", () => {
    const long = "\u0001".repeat(255);
    const value: LockRecord = { kind: "lock", path: "\u0001".repeat(4096), owner: { name: long, email: long }, machine: long, timeMs: 0, nonce: long };
    expect(formatRecord(value).length).toBeLessThan(MOST_RECORD_BYTES);
    expect(parseRecord(formatRecord(value), { pathHash: hashOfPath(value.path), number: 1 })).toEqual(value);
  });

  const good = { ballast: "lock", version: 1, path: "a", owner: { name: "A", email: "" }, machine: "m", time: "2026-01-01T00:00:00.000Z", nonce: "n" };
  it.each([
    [{ ...good, version: 2 }, "of a version that this Ballast does not know"],
    [{ ...good, ballast: "store" }, "neither a lock nor a release"],
    [{ ...good, ballast: "unlock" }, "does not stand for a release"],
    [{ ...good, path: "../a" }, "none of an asset"],
    [{ ...good, path: 1 }, "none of an asset"],
    [{ ...good, owner: { name: "", email: "" } }, "names no owner"],
    [{ ...good, owner: { name: "x".repeat(2000), email: "" } }, "names no owner"],
    [{ ...good, owner: "A" }, "names no owner"],
    [{ ...good, time: "yesterday" }, "time"],
    [{ ...good, nonce: "" }, "nonce"],
    [[good], "no JSON object"],
  ])("%j is refused", (json, why) => {
    expect(parseRecord(Buffer.from(JSON.stringify(json)), { pathHash: hashOfPath("a"), number: 1 })).toEqual({ why: expect.stringContaining(why) });
    expect(parseRecord(Buffer.from(JSON.stringify({ ...good, more: 1 })), { pathHash: hashOfPath("a"), number: 1 })).toHaveProperty("path", "a");
  });
});

describe("a key", () => {
  it.each(["locks/probe.json", `locks/${"a".repeat(64)}.0.json`, `locks/${"a".repeat(64)}.01.json`, `locks/${"A".repeat(64)}.1.json`, `locks/${"a".repeat(64)}.json`, `locks/${"a".repeat(64)}.1.json.tmp`, `locks/x/${"a".repeat(64)}.1.json`])(
    "%s is no record's",
    (key) => expect(parseRecordKey(key)).toBeUndefined(),
  );
});
