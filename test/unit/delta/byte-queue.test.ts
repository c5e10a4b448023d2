import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ByteQueue } from "../../../src/delta/byte-queue.ts";

/** Gives content in pieces of these lengths by turns, in one buffer that is overwritten with noise whenever the next piece is asked for. */
async function* reusing(content: Uint8Array, lengths: readonly number[]): AsyncGenerator<Uint8Array> {
  const buffer = Buffer.alloc(Math.max(...lengths));
  for (let at = 0, turn = 0; at < content.length; turn++) {
    const piece = content.subarray(at, at + lengths[turn % lengths.length]!);
    buffer.set(piece);
    yield buffer.subarray(0, piece.length);
    buffer.fill(0xee);
    at += piece.length;
  }
}

describe("a queue of bytes", () => {
  it("gives what came, in order, however it came and however it is taken", async () => {
    const lengths = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 6 });
    const takes = fc.array(fc.record({ ahead: fc.integer({ min: 0, max: 90 }), share: fc.double({ min: 0, max: 1, noNaN: true }) }), { minLength: 1, maxLength: 60 });
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 400 }), lengths, takes, async (content, lengths, takes) => {
        const queue = new ByteQueue(reusing(content, lengths));
        let at = 0;
        for (const { ahead, share } of takes) {
          const seen = await queue.peek(ahead);
          expect(seen.left).toBeGreaterThanOrEqual(Math.min(ahead, content.length - at));
          const taken = Math.floor(seen.left * share);
          expect(Buffer.from(seen.take(taken)).equals(content.subarray(at, at + taken))).toBe(true);
          queue.skip(taken);
          at += taken;
        }
        await queue.close();
      }),
      { numRuns: 500 },
    );
  });

  it("copies of a long chunk no more than was asked for, and always to the same place", async () => {
    const chunks = [1, 2, 3].map((value) => Buffer.alloc(1_000_000, value));
    const queue = new ByteQueue((async function* () {
      yield* chunks;
    })());
    const places = new Set<ArrayBufferLike>();
    (await queue.peek(10)).take(10);
    queue.skip(10);
    for (const value of [1, 2]) {
      const seen = (await queue.peek(1_000_000)).take(1_000_000);
      expect([seen[0], seen.at(-1)]).toEqual([value, value + 1]);
      places.add(seen.buffer);
      queue.skip(1_000_000);
    }
    expect(places.size).toBe(1);
    expect([...places][0]!.byteLength).toBe(1_000_000);
    expect((await queue.peek(1)).take(1).buffer).toBe(chunks[2]!.buffer);
  });
});
