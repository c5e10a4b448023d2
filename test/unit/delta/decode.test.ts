import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeDelta, decodeDeltaWhole, type DecodeDeltaOptions } from "../../../src/delta/decode.ts";
import { adler32 } from "../../../src/delta/vcdiff/adler32.ts";
import { CODE_TABLE, COPY, NOOP, RUN } from "../../../src/delta/vcdiff/code-table.ts";
import { formatAppHeader, MAGIC, MAX_WINDOW_BYTES } from "../../../src/delta/vcdiff/format.ts";
import { oidOf } from "../../../src/object/oid.ts";
import { openFileAccess, memoryAccess, type RandomAccess } from "../../../src/util/random-access.ts";
import { ballastError } from "../../support/errors.ts";
import { xdelta3 } from "../../support/xdelta3.ts";
import { collect, failure, newFile, pieces } from "../object/support.ts";
import { edited, noise } from "./edits.ts";
import { file, fileWith, varint, window } from "./vcdiff-writer.ts";

const ALPHABET = Buffer.from("abcdefghijklmnop");

/** Decodes in both ways, from memory and by position, and wants the same of both. */
async function decoded(delta: Uint8Array, base: Uint8Array, options: DecodeDeltaOptions = {}): Promise<Buffer> {
  const whole = decodeDeltaWhole(delta, memoryAccess(base), options);
  for (const pieceBytes of [1, 7, 100_000]) {
    if (delta.length / pieceBytes > 20_000) continue;
    expect((await collect(decodeDelta(pieces(delta, pieceBytes), byPosition(base), options))).equals(whole)).toBe(true);
  }
  return whole;
}

async function refused(delta: Uint8Array, base: Uint8Array, message: RegExp, options: DecodeDeltaOptions & { code?: "ENCODING_UNKNOWN" } = {}): Promise<void> {
  const code = options.code ?? "OBJECT_CORRUPT";
  expect(() => decodeDeltaWhole(delta, memoryAccess(base), options)).toThrow(ballastError(code, message));
  for (const pieceBytes of [1, 1000]) {
    const error = await failure(collect(decodeDelta(pieces(delta, pieceBytes), byPosition(base), options)), code);
    expect(error.message).toMatch(message);
  }
}

/** Bytes that can be had by position only, as those of a file. */
function byPosition(bytes: Uint8Array): RandomAccess {
  const { sizeBytes, read, close } = memoryAccess(bytes);
  return { sizeBytes, read, close };
}

describe("a window", () => {
  it("of the RFC's example makes its target", async () => {
    // COPY 4, 0; ADD 4, wxyz; COPY 4, 4; COPY 12, 24; RUN 4, z
    const delta = file(window({
      source: { bytes: 16, position: 0 }, targetBytes: 28, data: "wxyzz",
      instructions: [20, 5, 20, 28, 0, 4], addresses: [0, 4, 24],
    }));
    expect((await decoded(delta, ALPHABET)).toString()).toBe("abcdwxyzefghefghefghefghzzzz");
  });

  it("takes its source from anywhere in the base", async () => {
    const delta = file(window({ source: { bytes: 5, position: 11 }, targetBytes: 5, instructions: [21], addresses: [0] }));
    expect((await decoded(delta, ALPHABET)).toString()).toBe("lmnop");
  });

  it("copies from the source into the target, across their border, and what it makes itself", async () => {
    // HERE 2 after "xy": "yxyxyx…"; a copy from address 14 runs through "op" into "xy" and goes on.
    const delta = file(window({ source: { bytes: 16, position: 0 }, targetBytes: 2 + 100 + 10, data: "xy", instructions: [3, 35, 100, 26], addresses: [2, 14] }));
    expect((await decoded(delta, ALPHABET)).toString()).toBe(`${"xy".repeat(51)}opxyxyxyxy`);
  });

  it("decodes every code of the table", async () => {
    for (let code = 0; code < 256; code++) {
      const { type1, size1, mode1, type2, size2, mode2 } = CODE_TABLE;
      // Source and target as the RFC sees them: one string, which a copy reads byte by byte while it grows.
      const all = [...ALPHABET];
      const [data, addresses, sizes]: [number[], number[], number[]] = [[], [], []];
      for (const [type, fixed, mode] of [[type1[code], size1[code], mode1[code]], [type2[code], size2[code], mode2[code]]] as [number, number, number][]) {
        if (type === NOOP) continue;
        const size = fixed || 9;
        if (fixed === 0) sizes.push(size);
        if (type === COPY) {
          // In a cache that is still empty near addresses count from 0, and same ones are 0.
          const address = mode >= 6 ? 0 : 2;
          addresses.push(mode === 1 ? all.length - address : address);
          for (let i = 0; i < size; i++) all.push(all[address + i]!);
        } else {
          const bytes = [...Buffer.from("ADDED-BYTES-ARE-HERE")].slice(0, type === RUN ? 1 : size);
          data.push(...bytes);
          for (let i = 0; i < size; i++) all.push(bytes[i % bytes.length]!);
        }
      }
      const target = Buffer.from(all.slice(16));
      const delta = file(window({ source: { bytes: 16, position: 3 }, targetBytes: target.length, data: Buffer.from(data), instructions: [code, ...sizes], addresses }));
      expect((await decoded(delta, Buffer.concat([Buffer.from("xyz"), ALPHABET]))).toString(), `code ${code}`).toBe(target.toString());
    }
  });

  it("is held against its checksum, unless that is not wanted", async () => {
    const good = { targetBytes: 3, data: "abc", instructions: [4] };
    expect((await decoded(file(window({ ...good, adler32: adler32(Buffer.from("abc")) })), ALPHABET)).toString()).toBe("abc");
    const bad = file(window({ ...good, adler32: 0 }));
    await refused(bad, ALPHABET, /checksum/);
    expect((await decoded(bad, ALPHABET, { checksums: false })).toString()).toBe("abc");
  });

  it("may be empty, and so may the file", async () => {
    expect(await decoded(file(), ALPHABET)).toHaveLength(0);
    expect(await decoded(file(window({ targetBytes: 0 })), ALPHABET)).toHaveLength(0);
    const two = file(window({ targetBytes: 1, data: "a", instructions: [2] }), window({ targetBytes: 0 }), window({ targetBytes: 1, data: "b", instructions: [2] }));
    expect((await decoded(two, ALPHABET)).toString()).toBe("ab");
  });
});

describe("the header", () => {
  const [oid, base] = [oidOf(Buffer.from("target")), oidOf(ALPHABET)];
  const expect_ = { oid, base };

  it("of ours must name the base and the target; that of others is not looked at", async () => {
    expect(await decoded(fileWith(formatAppHeader(expect_)), ALPHABET, { expect: expect_ })).toHaveLength(0);
    expect(await decoded(fileWith(formatAppHeader({ oid: base, base: oid })), ALPHABET)).toHaveLength(0);
    for (const header of ["", "new//old/", "x".repeat(10_000)]) expect(await decoded(fileWith(header), ALPHABET, { expect: expect_ })).toHaveLength(0);
    await refused(fileWith(formatAppHeader({ oid, base: oid })), ALPHABET, /the base/, { expect: expect_ });
    await refused(fileWith(formatAppHeader({ oid: base, base })), ALPHABET, /it makes/, { expect: expect_ });
  });

  it("is refused when it is none, or says what cannot be", async () => {
    for (const bytes of ["", "d6", "d6c3c4", "d6c3c400", "d6c3c45300", "d6c3c40100", "56434400 00", "1f8b0800"]) await refused(Buffer.from(bytes.replace(" ", ""), "hex"), ALPHABET, /ends early|no VCDIFF/);
    await refused(Buffer.from([...MAGIC, 8]), ALPHABET, /flag/);
    await refused(Buffer.from([...MAGIC, 4, ...varint(65_537)]), ALPHABET, /too long/);
    await refused(Buffer.from([...MAGIC, 4, 5, 1, 2]), ALPHABET, /ends early/);
  });

  it("is refused with what we do not decode", async () => {
    const code = "ENCODING_UNKNOWN";
    await refused(Buffer.from([...MAGIC, 1, 2]), ALPHABET, /secondary compression/, { code });
    await refused(Buffer.from([...MAGIC, 2, 0]), ALPHABET, /code table/, { code });
    await refused(file(window({ targetBytes: 0, wrong: { indicator: 2 } })), ALPHABET, /earlier windows/, { code });
    for (const delta of [1, 2, 4, 7]) await refused(file(window({ targetBytes: 0, wrong: { delta } })), ALPHABET, /secondary compression/, { code });
  });
});

describe("a window that lies is refused:", () => {
  const source = { bytes: 16, position: 0 };
  const add = { targetBytes: 3, data: "abc", instructions: [4] };
  const cases: [string, Parameters<typeof window>[0], RegExp][] = [
    ["an indicator that does not exist", { ...add, wrong: { indicator: 8 } }, /kind/],
    ["a source behind the base", { ...add, source: { bytes: 16, position: 1 } }, /behind the end of its base/],
    ["a source longer than the base", { ...add, source: { bytes: 17, position: 0 } }, /behind the end of its base/],
    ["a source far behind the base", { ...add, source: { bytes: 1, position: Number.MAX_SAFE_INTEGER } }, /behind the end of its base/],
    ["a target beyond the limit of windows", { ...add, targetBytes: MAX_WINDOW_BYTES + 1 }, /too large/],
    ["a target of petabytes", { ...add, targetBytes: 2 ** 52 }, /too large/],
    ["more than it says", { ...add, targetBytes: 2 }, /more than it says/],
    ["a run of petabytes", { targetBytes: 3, data: "a", instructions: [0, ...varint(2 ** 52)] }, /more than it says/],
    ["less than it says", { ...add, targetBytes: 4 }, /less than it says/],
    ["nothing", { targetBytes: 4 }, /less than it says/],
    ["data that is not there", { targetBytes: 5, data: "abcd", instructions: [6] }, /bytes that are not there/],
    ["a run of nothing", { targetBytes: 5, instructions: [0, 5] }, /not there/],
    ["data that nobody uses", { ...add, data: "abcd" }, /nothing uses/],
    ["addresses that nobody uses", { ...add, addresses: [1] }, /nothing uses/],
    ["a copy from here", { source, targetBytes: 4, instructions: [20], addresses: [16] }, /where nothing is/],
    ["a copy without anything", { targetBytes: 4, instructions: [20], addresses: [0] }, /where nothing is/],
    ["a copy without an address", { source, targetBytes: 4, instructions: [20] }, /ends early/],
    ["a size that ends early", { source, targetBytes: 4, instructions: [1] }, /ends early/],
    ["a section that is too long for what it makes", { ...add, wrong: { lengths: [3, 5000, 0] } }, /disagree/],
    ["sections of petabytes", { ...add, wrong: { lengths: [2 ** 52, 1, 0], bytes: 2 ** 52 + 13 } }, /longer than what it makes/],
    ["lengths that disagree", { ...add, wrong: { bytes: 10 } }, /disagree/],
  ];
  for (const [what, parts, message] of cases) it(what, () => refused(file(window(parts)), ALPHABET, message));

  it("beyond the limit of the whole", async () => {
    const delta = file(window(add), window(add));
    expect(await decoded(delta, ALPHABET, { limitBytes: 6 })).toHaveLength(6);
    await refused(delta, ALPHABET, /more than it should/, { limitBytes: 5 });
  });

  it("cut off anywhere", async () => {
    const whole = file(window(add), window({ source, targetBytes: 8, instructions: [24], addresses: [3], adler32: adler32(ALPHABET.subarray(3, 11)) }));
    const ends = new Set([5, file(window(add)).length, whole.length]);
    for (let length = 0; length <= whole.length; length++) {
      if (ends.has(length)) expect((await decoded(whole.subarray(0, length), ALPHABET)).length).toBeLessThanOrEqual(11);
      else await refused(whole.subarray(0, length), ALPHABET, /ends early/);
    }
    await refused(Buffer.concat([whole, Buffer.from("!")]), ALPHABET, /kind/);
    await refused(Buffer.concat([whole, Buffer.from([0])]), ALPHABET, /ends early/);
  });
});

describe("decoding", () => {
  it("releases its source when it is left early, or fails", async () => {
    let released = 0;
    const source = async function* (): AsyncGenerator<Uint8Array> {
      try {
        yield* pieces(file(window({ targetBytes: 3, data: "abc", instructions: [4] }), window({ targetBytes: 3, data: "abc", instructions: [4] })), 3);
      } finally {
        released++;
      }
    };
    for await (const chunk of decodeDelta(source(), memoryAccess(ALPHABET))) {
      expect(Buffer.from(chunk).toString()).toBe("abc");
      break;
    }
    expect(released).toBe(1);
    await failure(collect(decodeDelta(source(), memoryAccess(ALPHABET), { limitBytes: 5 })), "OBJECT_CORRUPT");
    expect(released).toBe(2);
  });

  it("ends with the signal's reason", async () => {
    const reason = new Error("the user has gone");
    await expect(collect(decodeDelta(pieces(file(), 100), memoryAccess(ALPHABET), { signal: AbortSignal.abort(reason) }))).rejects.toBe(reason);
  });

  it("of many deltas at a time is right also for those that find the shared cache taken", async () => {
    const base = noise(20 * 1024 * 1024, 9);
    const path = newFile(base);
    const lengths = Array.from({ length: 400 }, (_, i) => 40 + i * 30);
    const addresses = lengths.map((_, i) => (i * 7_777_777) % (base.length - 20_000));
    const expected = Buffer.concat(lengths.map((length, i) => base.subarray(addresses[i], addresses[i]! + length)));
    const one = window({
      source: { bytes: base.length, position: 0 }, targetBytes: expected.length,
      instructions: lengths.flatMap((length) => [19, ...varint(length)]), addresses: addresses.flatMap((address) => [...varint(address)]),
    });
    const delta = file(one, one, one);
    // 6 × 20 MiB are more than all may keep; each one has begun before the first one ends.
    for (let round = 0; round < 2; round++) {
      const running = Array.from({ length: 6 }, () => {
        const access = openFileAccess(path);
        return { access, chunks: decodeDelta(pieces(delta, 1 << 20), access) };
      });
      for (let chunk = 0; chunk < 3; chunk++) {
        for (const { chunks } of running) expect(expected.equals((await chunks.next()).value as Uint8Array)).toBe(true);
      }
      for (const { access, chunks } of running) {
        // Some are left early.
        expect((await (round === 0 ? chunks.next() : chunks.return(undefined))).done).toBe(true);
        access.close();
      }
    }
  });

  it("of many deltas at a time has a few large windows at a time, in the same memory again and again", async () => {
    const windowBytes = 8 * 1024 * 1024;
    const one = window({ targetBytes: windowBytes, data: "x", instructions: [0, ...varint(windowBytes)] });
    const delta = file(one, one, one);
    const held = new Set<ArrayBufferLike>();
    const seen = new Set<ArrayBufferLike>();
    let most = 0;
    const decode = async (): Promise<number> => {
      let bytes = 0;
      for await (const chunk of decodeDelta(pieces(delta, 1 << 20), memoryAccess(ALPHABET))) {
        expect(held.has(chunk.buffer)).toBe(false);
        held.add(chunk.buffer);
        seen.add(chunk.buffer);
        most = Math.max(most, held.size);
        await new Promise(setImmediate);
        expect(chunk[0]! + chunk.at(-1)!).toBe(2 * "x".charCodeAt(0));
        chunk.fill(0);
        held.delete(chunk.buffer);
        bytes += chunk.length;
      }
      return bytes;
    };
    expect(await Promise.all(Array.from({ length: 6 }, decode))).toEqual(new Array(6).fill(3 * windowBytes));
    expect(most).toBe(2);
    expect(seen.size).toBe(2);
  });

  it("of a large window waits no longer than its signal", async () => {
    const large = window({ targetBytes: 16 * 1024 * 1024, data: "x", instructions: [0, ...varint(16 * 1024 * 1024)] });
    const first = decodeDelta(pieces(file(large), 1 << 20), memoryAccess(ALPHABET));
    expect((await first.next()).done).toBe(false);
    const controller = new AbortController();
    const second = collect(decodeDelta(pieces(file(large), 1 << 20), memoryAccess(ALPHABET), { signal: controller.signal }));
    controller.abort(new Error("the user has gone"));
    await expect(second).rejects.toThrow("the user has gone");
    // Left early, it gives back what it has.
    await first.return(undefined);
    expect(await collect(decodeDelta(pieces(file(large), 1 << 20), memoryAccess(ALPHABET)))).toHaveLength(16 * 1024 * 1024);
  });

  it("reads scattered small copies of a large base through a bounded cache", async () => {
    const base = noise(48 * 1024 * 1024, 7);
    const path = newFile(base);
    let seed = 1;
    const random = (below: number): number => (seed = (seed * 48271) % 0x7fff_ffff) % below;
    const [instructions, addresses, parts] = [[] as number[], [] as Buffer[], [] as Buffer[]];
    for (let i = 0; i < 100_000; i++) {
      const [length, address] = [4 + random(15), random(base.length - 20)];
      instructions.push(16 + length);
      addresses.push(varint(address));
      parts.push(base.subarray(address, address + length));
    }
    const expected = Buffer.concat(parts);
    const delta = file(window({ source: { bytes: base.length, position: 0 }, targetBytes: expected.length, instructions, addresses: [...Buffer.concat(addresses)] }));
    const access = openFileAccess(path);
    const startedMs = performance.now();
    expect((await collect(decodeDelta(pieces(delta, 65_536), access))).equals(expected)).toBe(true);
    // Nothing here depends on the clock but that it does not take minutes.
    expect(performance.now() - startedMs).toBeLessThan(60_000);
    access.close();
  });
});

describe.skipIf(!xdelta3)("what the stock xdelta3 writes", () => {
  it("decodes: random edits, with its levels, windows, headers and checksums", async () => {
    const flags = fc.tuple(
      fc.constantFrom("-0", "-1", "-3", "-6", "-9"),
      fc.constantFrom([], ["-W", "16384"], ["-W", "131072"], ["-W", "16777216"]),
      fc.constantFrom([], ["-n"]),
      fc.constantFrom([], ["-A"], ["-A=some header"]),
      fc.constantFrom([], ["-B", "1048576"], ["-N"]),
    );
    await fc.assert(
      fc.asyncProperty(edited(300_000), flags, async ({ base, target }, flags) => {
        const delta = xdelta3!.encode(base, target, ...flags.flat());
        expect((await decoded(delta, base)).equals(target)).toBe(true);
      }),
      { numRuns: 60 },
    );
  });

  it("decodes without a base, and of an empty target", async () => {
    const text = Buffer.from("the same again and ".repeat(5000));
    expect((await decoded(xdelta3!.encode(undefined, text), Buffer.alloc(0))).equals(text)).toBe(true);
    expect(await decoded(xdelta3!.encode(ALPHABET, Buffer.alloc(0)), ALPHABET)).toHaveLength(0);
    expect((await decoded(xdelta3!.encode(Buffer.alloc(0), ALPHABET), Buffer.alloc(0))).equals(ALPHABET)).toBe(true);
  });

  it("decodes of many megabytes, from a file", async () => {
    const base = noise(24 * 1024 * 1024, 3);
    const target = Buffer.concat([base.subarray(20_000_000), noise(100_000, 4), base.subarray(5000, 15_000_000), Buffer.alloc(300_000, 7)]);
    const access = openFileAccess(newFile(base));
    const hash = createHash("sha256");
    for await (const chunk of decodeDelta(pieces(xdelta3!.encode(base, target, "-1"), 10_000), access)) hash.update(chunk);
    expect(hash.digest("hex")).toBe(oidOf(target));
    access.close();
  });

  it("is refused where it is compressed a second time", async () => {
    const delta = xdelta3!.encode(ALPHABET, Buffer.from("words and words ".repeat(3000) + noise(30_000, 1).toString("base64")), "-S", "djw");
    await refused(delta, ALPHABET, /secondary compression/, { code: "ENCODING_UNKNOWN" });
  });

  it("is what the stock program reads of our test writer, so both mean the same", () => {
    const delta = file(window({ source: { bytes: 16, position: 0 }, targetBytes: 28, data: "wxyzz", instructions: [20, 5, 20, 28, 0, 4], addresses: [0, 4, 24] }));
    expect(xdelta3!.decode(ALPHABET, delta).toString()).toBe("abcdwxyzefghefghefghefghzzzz");
  });
});
