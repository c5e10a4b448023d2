import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { oidOf } from "../../../src/object/oid.ts";
import { isRacy, StatIndex, type IndexEntry } from "../../../src/worktree/stat-index.ts";

let dir: string;
let file: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "ballast-index-"));
  file = join(dir, "index");
});
afterEach(() => rmSync(dir, { recursive: true }));

const stat = { size: 3n, mtimeNs: 1_700_000_000_123_456_789n, ctimeNs: 1_700_000_000_123_456_790n, ino: 2n ** 63n, dev: 5n, mode: 0o100755n };
const oid = oidOf(Buffer.from("x"));
const full: IndexEntry = { w: { oid, exec: true, stat, hashedAtNs: 7n }, b: { oid, exec: true }, open: "restore", told: true };

describe("the index", () => {
  it("reads back every field", async () => {
    const index = StatIndex.open(file);
    index.set("full", full);
    index.set("only known to Git 🎨", { b: { oid, exec: false } });
    index.set("conflict", { w: { oid, exec: false, stat: { ...stat, mtimeNs: -5n }, hashedAtNs: 9n }, open: "conflict" });
    await index.save();
    const read = StatIndex.open(file);
    expect(read.size).toBe(3);
    for (const path of index.paths()) {
      const { w, b, open, told = false } = index.get(path)!;
      expect(read.get(path)).toEqual({ w, b, open, told });
    }
  });

  it("is empty when it is missing, cut or changed in any byte", async () => {
    const index = StatIndex.open(file);
    index.set("a", full);
    await index.save();
    const bytes = readFileSync(file);
    for (let at = 0; at < bytes.length; at++) {
      const damaged = Buffer.from(bytes);
      damaged[at]! ^= 1;
      writeFileSync(file, damaged);
      expect(StatIndex.open(file).size).toBe(0);
      writeFileSync(file, bytes.subarray(0, at));
      expect(StatIndex.open(file).size).toBe(0);
    }
  });

  it("keeps what two writers changed", async () => {
    const [one, two] = [StatIndex.open(file), StatIndex.open(file)];
    one.set("a", full);
    two.set("b", full);
    await Promise.all([one.save(), two.save()]);
    expect([...StatIndex.open(file).paths()].sort()).toEqual(["a", "b"]);
  });

  it("tells whether B is a content and nothing is open, of what was read as of what was set", async () => {
    const [here, other] = [{ oid, exec: false }, { oid: oidOf(Buffer.from("y")), exec: false }];
    const entries: [IndexEntry, boolean][] = [
      [{ b: here }, true],
      [{ w: { ...other, stat, hashedAtNs: 7n }, b: here }, true],
      [{ w: { ...here, stat, hashedAtNs: 7n } }, false],
      [{ b: other }, false],
      [{ b: { ...here, exec: true } }, false],
      [{ b: here, told: true }, false],
      [{ b: here, open: "restore" }, false],
      [{ b: here, open: "conflict" }, false],
    ];
    const index = StatIndex.open(file);
    entries.forEach(([entry], i) => index.set(`${i}`, entry));
    const told = (of: StatIndex) => entries.map((_, i) => of.isSettledAs(`${i}`, here));
    expect(told(index)).toEqual(entries.map(([, settled]) => settled));
    await index.save();
    const read = StatIndex.open(file);
    expect(told(read)).toEqual(entries.map(([, settled]) => settled));
    expect(read.isSettledAs("other", here)).toBe(false);
  });

  it("writes what nobody changed as it was", async () => {
    const index = StatIndex.open(file);
    for (let i = 0; i < 20; i++) index.set(`${i}`, i % 2 ? full : { b: { oid, exec: false } });
    await index.save();
    const before = readFileSync(file);
    const again = StatIndex.open(file);
    again.get("3");
    again.set("4", { b: { oid, exec: true } });
    await again.save();
    expect(readFileSync(file).equals(before)).toBe(false);
    again.set("4", { b: { oid, exec: false } });
    await again.save();
    expect(readFileSync(file).equals(before)).toBe(true);
  });

  it("holds 100,000 entries", async () => {
    const index = StatIndex.open(file);
    for (let i = 0; i < 100_000; i++) index.set(`dir/asset-${i}.bin`, full);
    await index.save();
    expect(StatIndex.open(file).size).toBe(100_000);
  });

  it("takes a file for racy when it was written about when it was hashed", () => {
    const hashed = (agoNs: bigint, fraction: bigint) => {
      const at = 1_700_000_000_000_000_000n;
      const time = at - agoNs + fraction;
      return { oid, exec: false, stat: { ...stat, mtimeNs: time, ctimeNs: time }, hashedAtNs: at };
    };
    expect(isRacy(hashed(1_000_000n, 1n))).toBe(true);
    expect(isRacy(hashed(200_000_000n, 1n))).toBe(false);
    // Whole seconds may come from a file system that keeps no finer times.
    expect(isRacy(hashed(1_000_000_000n, 0n))).toBe(true);
    expect(isRacy(hashed(3_000_000_000n, 0n))).toBe(false);
  });
});
