import { closeSync, openSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { indexBase } from "../../../src/delta/base-index.ts";
import { readChunks } from "../../../src/object/stable-file.ts";
import { readFileChunks } from "../../../src/util/file-chunks.ts";
import { memoryAccess } from "../../../src/util/random-access.ts";
import { temporaryDirectory } from "../object/support.ts";

/** What is read in pieces, and the most memory that stood behind a piece. */
async function gathered(chunks: AsyncIterable<Buffer>): Promise<{ text: string; mostBytes: number }> {
  let text = "";
  let mostBytes = 0;
  for await (const chunk of chunks) {
    text += chunk.toString();
    mostBytes = Math.max(mostBytes, chunk.buffer.byteLength);
  }
  return { text, mostBytes };
}

test("buffers are no larger than what there is to read: of many small files they would cost more than all else", async () => {
  const file = join(temporaryDirectory(), "small");
  writeFileSync(file, "small");
  const fd = openSync(file, "r");
  expect(await gathered(readChunks(fd, 5))).toEqual({ text: "small", mostBytes: 5 });
  closeSync(fd);
  const whole = await gathered(readFileChunks(file));
  expect(whole.text).toBe("small");
  expect(whole.mostBytes).toBeLessThan(1024);
  expect((await gathered(readFileChunks(file, { start: 1, end: 3 }))).text).toBe("ma");
  const seen: number[] = [];
  await indexBase(memoryAccess(Buffer.alloc(5000)), { see: (bytes) => void seen.push(bytes.buffer.byteLength) });
  expect(seen).toEqual([5016]);
});

test("a file that grows while it is read is read to its end", async () => {
  const file = join(temporaryDirectory(), "growing");
  writeFileSync(file, "a".repeat(2000));
  let length = 0;
  for await (const chunk of readFileChunks(file)) {
    if (length === 0) writeFileSync(file, "b".repeat(3000), { flag: "a" });
    length += chunk.length;
  }
  expect(length).toBe(5000);
});
