import { createHash } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { bufferSource } from "../../../../src/object/source.ts";
import { readBodies } from "../../../../src/store/s3/body.ts";
import { Budget } from "../../../../src/util/budget.ts";
import { Limiter } from "../../../../src/store/s3/limiter.ts";
import { partSize } from "../../../../src/store/s3/multipart.ts";

const MIB = 1024 * 1024;

describe("a budget of memory", () => {
  it("is never exceeded, and everyone gets a turn", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 0, max: 150 }), { maxLength: 30 }), async (wishes) => {
        const budget = new Budget(100);
        let used = 0;
        let served = 0;
        await Promise.all(
          wishes.map((bytes) =>
            budget.use(bytes, undefined, async () => {
              used += Math.min(bytes, 100);
              expect(used).toBeLessThanOrEqual(100);
              await Promise.resolve();
              used -= Math.min(bytes, 100);
              served += 1;
            }),
          ),
        );
        expect(served).toBe(wishes.length);
        expect(budget.tryTake(100)).toBeTypeOf("function");
      }),
    );
  });

  it("lets go who waits and is aborted, and serves those behind", async () => {
    const budget = new Budget(100);
    const giveBack = budget.tryTake(60)!;
    const controller = new AbortController();
    const large = budget.use(80, controller.signal, async () => "large");
    const small = budget.use(40, undefined, async () => "small");
    controller.abort(new Error("gone"));
    await expect(large).rejects.toThrow("gone");
    expect(await small).toBe("small");
    giveBack();
    expect(budget.tryTake(100)).toBeTypeOf("function");
  });

  it("gives nothing at once when there is not enough", () => {
    const budget = new Budget(100);
    budget.tryTake(60);
    expect(budget.tryTake(41)).toBeUndefined();
  });
});

describe("a limiter of requests", () => {
  it("halves when the store asks for fewer, and recovers with successes", async () => {
    let nowMs = 0;
    const limiter = new Limiter(16, () => nowMs);
    limiter.slowDown();
    limiter.slowDown();
    expect(limiter.limit).toBe(8);
    nowMs = 2000;
    limiter.slowDown();
    expect(limiter.limit).toBe(4);
    for (let i = 0; i < 200; i++) await limiter.run(async () => {});
    expect(limiter.limit).toBe(16);
  });

  it("never lets more run than its limit, nor stops altogether", async () => {
    let nowMs = 0;
    const limiter = new Limiter(8, () => (nowMs += 2000));
    let running = 0;
    let most = 0;
    await Promise.all(
      Array.from({ length: 100 }, (_, i) =>
        limiter.run(async () => {
          most = Math.max(most, ++running);
          if (i % 10 === 0) limiter.slowDown();
          await pause(1);
          running -= 1;
        }),
      ),
    );
    expect(most).toBe(8);
    expect(limiter.limit).toBeGreaterThanOrEqual(1);
  });

  it("lets go who waits and is aborted", async () => {
    const limiter = new Limiter(1);
    const controller = new AbortController();
    const first = limiter.run(() => pause(20));
    const second = limiter.run(async () => {}, controller.signal);
    controller.abort(new Error("gone"));
    await expect(second).rejects.toThrow("gone");
    await first;
    await limiter.run(async () => {});
  });
});

describe("the parts of an upload", () => {
  it("are as large as set, within what S3 allows", () => {
    expect(partSize(100 * MIB, 16 * MIB)).toBe(16 * MIB);
    expect(partSize(100 * MIB, 1)).toBe(5 * MIB);
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5 * 1024 ** 4 }), (sizeBytes) => {
        const bytes = partSize(sizeBytes, 16 * MIB);
        expect(Math.ceil(sizeBytes / bytes)).toBeLessThanOrEqual(10_000);
        expect(bytes).toBeLessThanOrEqual(5 * 1024 ** 3);
      }),
    );
  });

  it("are not held in memory when they are large, and can be read again for each try", async () => {
    const partBytes = 40 * MIB;
    const content = Buffer.alloc(90 * MIB, "some text ");
    const opened: { start: number; end: number }[] = [];
    const source = bufferSource(content);
    const counting = { ...source, open: (range: { start: number; end: number }) => (opened.push(range), source.open(range)) };
    const bodies = [];
    for await (const body of readBodies(counting, partBytes, "key")) bodies.push(body);
    expect(bodies.map(({ bytes, sizeBytes }) => [bytes !== undefined, sizeBytes])).toEqual([[false, partBytes], [false, partBytes], [true, 10 * MIB]]);
    for (const [i, body] of bodies.entries()) {
      const hash = createHash("sha256");
      for await (const chunk of body.open(undefined)) hash.update(chunk);
      expect(hash.digest("hex")).toBe(body.sha256);
      if (i < 2) expect(opened[i + 1]).toEqual({ start: i * partBytes, end: (i + 1) * partBytes });
    }
  });

  it("put together are the source, however its bytes come", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 10 }), fc.integer({ min: 1, max: 30 }), async (chunks, partBytes) => {
        const whole = Buffer.concat(chunks);
        const source = { ...bufferSource(whole), open: () => (async function* () { yield* chunks; })() };
        const parts: Buffer[] = [];
        for await (const { bytes } of readBodies(source, partBytes, "key")) parts.push(bytes!);
        expect(Buffer.concat(parts)).toEqual(whole);
        expect(parts.slice(0, -1).every(({ length }) => length === partBytes)).toBe(true);
        expect(parts).toHaveLength(Math.max(1, Math.ceil(whole.length / partBytes)));
      }),
    );
  });
});
