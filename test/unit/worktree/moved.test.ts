import fc from "fast-check";
import { expect, it } from "vitest";
import { findAsset } from "../../../src/manifest/find-asset.ts";
import { formatManifest, parseManifest, type Asset } from "../../../src/manifest/manifest.ts";
import { oidOf } from "../../../src/object/oid.ts";
import { Entries, type IndexEntry } from "../../../src/worktree/stat-entries.ts";

const oids = ["x", "y"].map((text) => oidOf(Buffer.from(text)));
const path = fc.constantFrom("a", "a/b", "a.b", "b", 'b"', 'b","oid":"c', "b\\", "b\u0001", "é", "\uffee", "🎨", "b/c", "c", "ca", "cb", "z");
const content = fc.record({ oid: fc.constantFrom(...oids), exec: fc.boolean() });
const asset = fc.tuple(path, content, fc.constantFrom(0, 1, 10, 999_999_999_999_999, Number.MAX_SAFE_INTEGER)).map(([path, { oid, exec }, sizeBytes]): Asset => ({ path, oid: oid!, exec, sizeBytes }));
const manifest = fc.uniqueArray(asset, { selector: (one) => one.path });
/** What Git knows is, as a rule, what the manifest says. */
const entry = fc.record({ b: fc.option(content, { nil: undefined }), open: fc.constantFrom(undefined, undefined, "restore" as const, "conflict" as const), told: fc.constantFrom(false, false, true) });
const indexed = fc.tuple(manifest, fc.array(fc.tuple(path, entry), { maxLength: 3 })).map(([assets, others]) => {
  const entries = new Entries(Buffer.alloc(0));
  for (const { path, oid, exec } of assets) entries.set(path, { b: { oid, exec } });
  for (const [path, { b, ...rest }] of others) entries.set(path, { w: undefined, b: b as IndexEntry["b"], ...rest });
  return { assets, entries: new Entries(entries.encode()) };
});

/** The same, told from a manifest that was parsed. */
function movedByParsing(bytes: Buffer, entries: Entries): Map<string, Asset | undefined> {
  const parsed = parseManifest(bytes.toString(), "it");
  const moved = new Map<string, Asset | undefined>();
  for (const [path, asset] of parsed) if (!entries.isSettledAs(path, asset)) moved.set(path, asset);
  for (const path of entries.keys()) if (!parsed.has(path)) moved.set(path, undefined);
  return moved;
}

const sorted = (moved: Iterable<[string, Asset | undefined]> | undefined): unknown => moved && [...moved].sort(([a], [b]) => (a < b ? -1 : 1));

it("tells what has moved as whoever parses the manifest and asks for each path", () => {
  fc.assert(
    fc.property(indexed, manifest, fc.boolean(), ({ assets, entries }, changed, afresh) => {
      const now = new Map((afresh ? [] : assets).map((one) => [one.path, one]));
      for (const one of changed.slice(0, afresh ? undefined : 2)) now.set(one.path, one);
      const bytes = Buffer.from(formatManifest(now.values()));
      expect(sorted(entries.moved(bytes))).toEqual(sorted(movedByParsing(bytes, entries)));
    }),
    { numRuns: 500 },
  );
});

it("takes nothing for a manifest that its reader refuses", () => {
  fc.assert(
    fc.property(indexed, fc.nat(), fc.nat(255), fc.boolean(), ({ assets, entries }, where, byte, cut) => {
      const bytes = Buffer.from(formatManifest(assets));
      const damaged = cut ? bytes.subarray(0, where % bytes.length) : bytes;
      if (!cut) damaged[where % bytes.length] = byte;
      const refused = damaged.length > 0 && isRefused(damaged);
      const moved = entries.moved(damaged);
      if (refused) expect(moved).toBeUndefined();
      else if (moved !== undefined) expect(sorted(moved)).toEqual(sorted(movedByParsing(damaged, entries)));
    }),
    { numRuns: 1000 },
  );
});

it("takes no line for a known one whose path only begins or ends like that of the index", () => {
  const entries = new Entries(Buffer.alloc(0));
  const oid = oids[0]!;
  entries.set('x","oid":"y', { b: { oid, exec: false } });
  const bytes = Buffer.from(`{"ballast":"manifest","version":1}\n{"path":"x","oid":"y","oid":"${oid}","size":1}\n`);
  expect(isRefused(bytes)).toBe(true);
  expect(new Entries(entries.encode()).moved(bytes)).toBeUndefined();
});

it("parses no line that is as it was: a hundred of 100,000 are told in a fraction of the time", () => {
  const entries = new Entries(Buffer.alloc(0));
  const assets = Array.from({ length: 100_000 }, (_, i): Asset => ({ path: `assets/${String(i).padStart(6, "0")}.bin`, oid: oids[0]!, sizeBytes: 1024, exec: i % 7 === 0 }));
  for (const { path, oid, exec } of assets) entries.set(path, { b: { oid, exec } });
  const read = new Entries(entries.encode());
  const now = assets.map((one, i) => (i % 1000 === 500 ? { ...one, oid: oids[1]! } : one));
  const moved = read.moved(Buffer.from(formatManifest(now)))!;
  expect([...moved.keys()]).toEqual(now.filter((_, i) => i % 1000 === 500).map((one) => one.path));
});

it("finds an asset in a manifest by halving, and none that is not there", () => {
  fc.assert(
    fc.property(manifest, path, (assets, wanted) => {
      const bytes = Buffer.from(formatManifest(assets));
      for (const one of assets) expect(findAsset(bytes, one.path)).toEqual(one);
      expect(findAsset(bytes, wanted)).toEqual(assets.find((one) => one.path === wanted));
      expect(findAsset(bytes.subarray(0, 10), wanted)).toBeUndefined();
    }),
  );
});

function isRefused(bytes: Buffer): boolean {
  try {
    parseManifest(bytes, "it");
    return false;
  } catch {
    return true;
  }
}
