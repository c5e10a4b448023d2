import { spawn } from "node:child_process";
import { once } from "node:events";
import { expect, it } from "vitest";
import { parseHeld, treeBytes, watchTree } from "../../bench/tree-memory.ts";

it("memory of a process is told from what proc(5) describes, whatever the process is called", () => {
  expect(parseHeld("12 (a) b (c)) S 7 12 12 0 -1", "1000 300 100 5 0 200 0")).toEqual({ parent: 7, ownBytes: 200 * 4096, sharedBytes: 100 * 4096 });
});

it("a tree holds the own memory of all its processes, and what they share once", () => {
  const held = new Map([
    [1, { parent: 0, ownBytes: 1000, sharedBytes: 1000 }],
    [2, { parent: 1, ownBytes: 10, sharedBytes: 5 }],
    [3, { parent: 2, ownBytes: 20, sharedBytes: 7 }],
    [4, { parent: 3, ownBytes: 40, sharedBytes: 6 }],
    [5, { parent: 1, ownBytes: 500, sharedBytes: 500 }],
  ]);
  expect(treeBytes(2, held)).toBe(77);
  expect(treeBytes(9, held)).toBeUndefined();
});

it.runIf(process.platform === "linux")("what a child of a child holds is seen", async () => {
  const child = spawn("sh", ["-c", `"$0" -e "Buffer.alloc(2e8, 1); setTimeout(() => {}, 300)"; true`, process.execPath]);
  const most = watchTree(child.pid!);
  await once(child, "close");
  expect(most()).toBeGreaterThan(2e8);
  expect(most()).toBeLessThan(4e8);
});
