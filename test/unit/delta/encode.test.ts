import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decodeDeltaWhole } from "../../../src/delta/decode.ts";
import { encodeDelta, type EncodeDeltaOptions } from "../../../src/delta/encode.ts";
import { oidOf } from "../../../src/object/oid.ts";
import { memoryAccess } from "../../../src/util/random-access.ts";
import { xdelta3 } from "../../support/xdelta3.ts";
import { edited, noise } from "./edits.ts";

const MIB = 1024 * 1024;

async function encode(base: Buffer, target: Buffer, options: Partial<EncodeDeltaOptions> = {}): Promise<Buffer | undefined> {
  const parts: Buffer[] = [];
  const header = { oid: oidOf(target), base: oidOf(base) };
  const made = await encodeDelta(memoryAccess(target), memoryAccess(base), async (bytes) => void parts.push(Buffer.from(bytes)), { header, ...options });
  if (made) expect(Buffer.concat(parts).length).toBe(made.sizeBytes);
  return made && Buffer.concat(parts);
}

/** Encodes, decodes by ourselves and, if asked, by the stock program. @returns the delta */
async function roundTrip(base: Buffer, target: Buffer, { stock = false } = {}): Promise<Buffer> {
  const delta = (await encode(base, target))!;
  const expectation = { oid: oidOf(target), base: oidOf(base) };
  expect(decodeDeltaWhole(delta, memoryAccess(base), { expect: expectation }).equals(target)).toBe(true);
  if (stock && xdelta3) expect(xdelta3.decode(base, delta).equals(target)).toBe(true);
  return delta;
}

describe("any edits", () => {
  test("are undone by decoding", async () => {
    await fc.assert(fc.asyncProperty(edited(64 * 1024), async ({ base, target }) => void (await roundTrip(base, target))), { numRuns: 250 });
  });

  test.runIf(xdelta3)("decode with the stock xdelta3", async () => {
    await fc.assert(fc.asyncProperty(edited(200_000), async ({ base, target }) => void (await roundTrip(base, target, { stock: true }))), { numRuns: 60 });
  });

  test("never cost more than a few bytes above the content", async () => {
    await fc.assert(
      fc.asyncProperty(edited(20_000), async ({ base, target }) => void expect((await encode(base, target))!.length).toBeLessThanOrEqual(target.length + 200)),
      { numRuns: 100 },
    );
  });

  test("give the same bytes each time", async () => {
    const base = noise(300_000, 1);
    const target = Buffer.concat([noise(70_000, 2), base.subarray(5000, 200_000), base]);
    expect((await encode(base, target))!.equals((await encode(base, target))!)).toBe(true);
  });
});

describe("contents that are empty, equal or have nothing in common", () => {
  test.each([
    ["both empty", 0, 0],
    ["an empty base", 0, 1000],
    ["an empty target", 1000, 0],
    ["shorter than a seed", 15, 15],
  ])("%s", async (_name, baseBytes, targetBytes) => {
    await roundTrip(noise(baseBytes, 1), noise(targetBytes, 2), { stock: true });
  });

  test("equal content takes hardly anything", async () => {
    const content = noise(20 * MIB, 3);
    expect((await roundTrip(content, content)).length).toBeLessThan(250);
  });

  test("unrelated content takes what it is long", async () => {
    const delta = await roundTrip(noise(2 * MIB, 4), noise(3 * MIB, 5), { stock: true });
    expect(delta.length).toBeLessThan(3 * MIB + 300);
  });

  test("long runs of one byte", async () => {
    const base = Buffer.concat([noise(1000, 6), Buffer.alloc(3 * MIB), noise(1000, 7)]);
    const target = Buffer.concat([noise(1000, 7), Buffer.alloc(5 * MIB, 1), Buffer.alloc(4 * MIB), noise(1000, 6)]);
    expect((await roundTrip(base, target, { stock: true })).length).toBeLessThan(4000);
  });
});

describe("large content", () => {
  test("that moved, further than the 64 MiB that xdelta3 looks, is found", async () => {
    const block = noise(MIB, 8);
    const rest = noise(95 * MIB, 9);
    const base = Buffer.concat([block, rest]);
    const target = Buffer.concat([rest, block]);
    expect((await roundTrip(base, target, { stock: true })).length).toBeLessThan(2000);
  });

  test("whose blocks were shuffled is put together again", async () => {
    const base = noise(64 * MIB, 10);
    const size = 64 * 1024;
    const blocks = Array.from({ length: base.length / size }, (_, i) => base.subarray(i * size, (i + 1) * size));
    const order = noise(4 * blocks.length, 11);
    blocks.sort((a, b) => order.readUInt32LE((a.byteOffset - base.byteOffset) / size * 4) - order.readUInt32LE((b.byteOffset - base.byteOffset) / size * 4));
    const delta = await roundTrip(base, Buffer.concat(blocks), { stock: true });
    expect(delta.length).toBeLessThan(64 * 1024);
  });

  test("with an insertion at the front and scattered edits costs about the edits", async () => {
    const base = noise(40 * MIB, 12);
    const parts = [noise(1000, 13)];
    for (let at = 0; at < base.length; at += MIB) parts.push(base.subarray(at, at + MIB - 100), noise(100, at));
    const target = Buffer.concat(parts);
    expect((await roundTrip(base, target, { stock: true })).length).toBeLessThan(8000);
  });

  test("in which every third byte changed does not grow", async () => {
    const base = noise(2 * MIB, 14);
    const target = Buffer.from(base);
    // The first 64 bytes of each KiB stay, so that the place is found.
    for (let at = 0; at < target.length; at++) if (at % 1024 > 64 && at % 3 === 0) target[at]! ^= 0x55;
    expect((await roundTrip(base, target, { stock: true })).length).toBeLessThan(target.length + 300);
  });
});

test("moved addresses in code make short copies at one distance, which gzip takes for next to nothing", async () => {
  const { gzipSync } = await import("node:zlib");
  const base = Buffer.alloc(MIB);
  for (let at = 0; at + 16 <= base.length; at += 16) base.set(noise(16, at), at);
  const target = Buffer.from(base);
  for (let at = 5; at + 4 <= target.length; at += 16) target.writeUInt32LE((target.readUInt32LE(at) + 4096) >>> 0, at);
  const ours = gzipSync((await roundTrip(base, target, { stock: true }))!, { level: 9 }).length;
  if (xdelta3) expect(ours).toBeLessThan(gzipSync(xdelta3.encode(base, target, "-9"), { level: 9 }).length);
  expect(ours).toBeLessThan(0.4 * MIB);
});

test("stops as soon as the delta is longer than it may be", async () => {
  let written = 0;
  const [base, target] = [noise(MIB, 15), noise(40 * MIB, 16)];
  const made = await encodeDelta(memoryAccess(target), memoryAccess(base), async (bytes) => void (written += bytes.length), {
    header: { oid: oidOf(target), base: oidOf(base) },
    limitBytes: 10 * MIB,
  });
  expect(made).toBeUndefined();
  expect(written).toBeLessThanOrEqual(10 * MIB);
});

test("shows the base once and in order", async () => {
  const hash = createHash("sha256");
  const base = noise(3 * MIB + 17, 17);
  await encode(base, noise(1000, 18), { seeBase: (bytes) => void hash.update(bytes) });
  expect(hash.digest("hex")).toBe(oidOf(base));
});

test("ends with the reason of an abort", async () => {
  const content = noise(20 * MIB, 19);
  const controller = new AbortController();
  const encoding = encode(content, content, { signal: controller.signal, onBytes: () => controller.abort(new Error("enough")) });
  await expect(encoding).rejects.toThrow("enough");
});
