import { spawn } from "node:child_process";
import { once } from "node:events";
import { expect, it } from "vitest";
import { Beginnings, parseCopied, parseHeld, parseParent, together, Tree, watchTree } from "../../bench/tree-memory.ts";

it("parents and memory are told from what proc(5) describes, whatever a process is called", () => {
  expect(parseParent("12 (a) b (c)) S 7 12 12 0 -1")).toBe(7);
  expect(parseHeld("1000 300 100 5 0 200 0")).toEqual({ ownBytes: 200 * 4096, sharedBytes: 100 * 4096 });
});

it("processes hold what each has for itself, and what they share once", () => {
  expect(together([{ ownBytes: 10, sharedBytes: 5 }, { ownBytes: 20, sharedBytes: 7 }, { ownBytes: 40, sharedBytes: 6 }])).toBe(77);
});

it("a tree has the descendants of its root, also those whose parents have ended since; each is asked for its parent once", () => {
  const tree = new Tree(20);
  const asked: number[] = [];
  const parents = new Map([[1, 0], [7, 30], [20, 1], [30, 20], [40, 1], [50, 40]]);
  const parent = (pid: number): number | undefined => (asked.push(pid), parents.get(pid));
  expect(tree.members([1, 7, 20, 30, 40, 50], parent)).toEqual([7, 20, 30]);
  expect(asked.toSorted((a, b) => a - b)).toEqual([1, 7, 30, 40, 50]);
  parents.set(7, 1).set(60, 7);
  expect(tree.members([1, 7, 20, 40, 50, 60], parent)).toEqual([7, 20, 60]);
  expect(asked.length).toBe(6);
  parents.set(7, 40);
  expect(tree.members([1, 20, 40, 99], parent)).toEqual([20]);
  expect(tree.members([1, 7, 20, 40], parent), "another process that got the number of one that has ended").toEqual([20]);
});

it("a process that runs no program of its own yet does not count, unless it stays so", () => {
  expect(parseCopied("12 (a) b) S 7 12 12 0 -1 1077936192 1 2")).toBe(true);
  expect(parseCopied("12 (a) b) S 7 12 12 0 -1 1077936128 1 2")).toBe(false);
  const beginnings = new Beginnings();
  expect([true, true, false, true].map((copy) => beginnings.isOver(1, () => copy))).toEqual([false, false, true, true]);
  const looks = Array.from({ length: 30 }, () => beginnings.isOver(2, () => true));
  expect(looks.indexOf(true)).toBe(20);
  expect(looks.slice(20)).not.toContain(false);
});

it.runIf(process.platform === "linux")("what a child of a child holds is seen", async () => {
  // It goes on using what it holds, since systems take away what nobody uses.
  const using = "const held = Buffer.alloc(2e8, 1); for (const until = Date.now() + 600; Date.now() < until; ) held.fill(2)";
  const child = spawn("sh", ["-c", `"$0" -e "${using}"; true`, process.execPath]);
  const most = watchTree(child.pid!);
  await once(child, "close");
  expect(most()).toBeGreaterThan(2e8);
  expect(most()).toBeLessThan(4e8);
});
