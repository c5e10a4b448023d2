import { describe, expect, it } from "vitest";
import { decodeDelta, decodeDeltaWhole } from "../../../src/delta/decode.ts";
import { adler32 } from "../../../src/delta/vcdiff/adler32.ts";
import { formatAppHeader } from "../../../src/delta/vcdiff/format.ts";
import { BallastError } from "../../../src/errors.ts";
import { oidOf } from "../../../src/object/oid.ts";
import { memoryAccess } from "../../../src/util/random-access.ts";
import { xdelta3 } from "../../support/xdelta3.ts";
import { collect, pieces } from "../object/support.ts";
import { noise } from "./edits.ts";
import { file, fileWith, varint, window } from "./vcdiff-writer.ts";

/*
 * What storage, transport and attackers make of a delta: 100,000 spoilt streams. Each gives a content within the limit
 * or one of our errors, at once and without taking memory that it merely claims to need.
 */
const COUNT = 100_000;
const LIMIT_BYTES = 64 * 1024;
const BASE = Buffer.concat([noise(6000, 1), Buffer.from("a text that comes again and ".repeat(100)), noise(3000, 2)]);

/** Numbers below a bound, the same in every run. */
function random(below: number): number {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return Math.floor((state / 2 ** 32) * below);
}
let state = 12345;

function samples(): Buffer[] {
  const target = Buffer.concat([BASE.subarray(2000, 5000), noise(40, 3), BASE.subarray(0, 700), Buffer.alloc(90, 7), BASE.subarray(7000)]);
  const source = { bytes: BASE.length, position: 0 };
  const [oid, base] = [oidOf(target), oidOf(BASE)];
  const made = [
    fileWith(formatAppHeader({ oid, base }), window({ source, targetBytes: 28, data: "wxyzz", instructions: [20, 5, 20, 28, 0, 4], addresses: [0, 4, 24] })),
    file(window({ targetBytes: 3, data: "abc", instructions: [4], adler32: adler32(Buffer.from("abc")) }), window({ source, targetBytes: 1000, instructions: [19, ...varint(1000)], addresses: [5] })),
    file(window({ source, targetBytes: 40, data: "0123456789", instructions: [170, 247, 2, 240, 35, 25], addresses: [100, 9, 77, 2] })),
  ];
  if (!xdelta3) return made;
  return [...made, xdelta3.encode(BASE, target, "-9"), xdelta3.encode(BASE, target, "-1", "-n", "-A"), xdelta3.encode(BASE, target, "-W", "16384", "-6"), xdelta3.encode(undefined, target)];
}

const ABSURD = ["ff", "80", "00", "ffffffff7f", "8fffffffffffff7f", "ffffffffffffffff7f", "808080808080808080", "a0808000", "83ffffff7f"].map((hex) => Buffer.from(hex, "hex"));

function spoilt(all: readonly Buffer[]): Buffer {
  let bytes = Buffer.from(all[random(all.length)]!);
  for (let count = 1 + random(3); count > 0; count--) {
    // Mostly in the headers and lengths at the front, where damage does most.
    const at = random(random(2) === 0 ? Math.min(bytes.length, 40) + 1 : bytes.length + 1);
    const kind = random(6);
    if (kind === 0 && bytes.length > 0) bytes[Math.min(at, bytes.length - 1)]! ^= 1 << random(8);
    else if (kind === 1) bytes = bytes.subarray(0, at);
    else if (kind === 2) bytes = Buffer.concat([bytes.subarray(0, at), ABSURD[random(ABSURD.length)]!, bytes.subarray(at + random(6))]);
    else if (kind === 3) bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + random(20))]);
    else if (kind === 4) bytes = Buffer.concat([bytes.subarray(0, at), all[random(all.length)]!.subarray(random(60))]);
    else if (bytes.length > 0) bytes[Math.min(at, bytes.length - 1)] = random(256);
  }
  return bytes;
}

describe("a spoilt delta", () => {
  it(`gives bytes within the limit or one of our errors, ${COUNT} times, in both ways alike`, async () => {
    const all = samples();
    const access = memoryAccess(BASE);
    const byPosition = { sizeBytes: access.sizeBytes, read: access.read, close: access.close };
    const before = process.memoryUsage();
    const codes: Record<string, number> = {};
    let [longestMs, mostBytes] = [0, 0];
    for (let i = 0; i < COUNT; i++) {
      const delta = spoilt(all);
      const startedMs = performance.now();
      const whole = outcome(() => decodeDeltaWhole(delta, access, { limitBytes: LIMIT_BYTES }));
      longestMs = Math.max(longestMs, performance.now() - startedMs);
      if (Buffer.isBuffer(whole)) expect(whole.length).toBeLessThanOrEqual(LIMIT_BYTES);
      codes[Buffer.isBuffer(whole) ? "decoded" : whole] = (codes[Buffer.isBuffer(whole) ? "decoded" : whole] ?? 0) + 1;
      // The other way takes turns of the event loop, so not every time.
      if (i % 5 === 0) {
        const streamed = await collect(decodeDelta(pieces(delta, 1 + (i % 97)), byPosition, { limitBytes: LIMIT_BYTES })).catch(codeOf);
        if (Buffer.isBuffer(whole)) expect(whole.equals(streamed as Buffer)).toBe(true);
        else expect(streamed).toBe(whole);
      }
      if (i % 1000 === 0) mostBytes = Math.max(mostBytes, process.memoryUsage().arrayBuffers + process.memoryUsage().external);
    }
    // All three happen, so the spoiling is neither too weak nor too strong.
    expect(codes["decoded"]).toBeGreaterThan(COUNT / 50);
    expect(codes["OBJECT_CORRUPT"]).toBeGreaterThan(COUNT / 2);
    expect(codes["ENCODING_UNKNOWN"]).toBeGreaterThan(COUNT / 200);
    expect(Object.keys(codes).sort()).toEqual(["ENCODING_UNKNOWN", "OBJECT_CORRUPT", "decoded"]);
    expect(longestMs).toBeLessThan(2000);
    // A window may claim 64 MiB; what is refused has taken nothing of that.
    expect(mostBytes - before.arrayBuffers - before.external).toBeLessThan(150 * 1024 * 1024);
  });
});

function outcome(decode: () => Buffer): Buffer | string {
  try {
    return decode();
  } catch (error) {
    return codeOf(error);
  }
}

function codeOf(error: unknown): string {
  if (error instanceof BallastError) return error.code;
  throw new Error("not one of our errors", { cause: error });
}
