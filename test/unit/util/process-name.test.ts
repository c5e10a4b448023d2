import { spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as pause } from "node:timers/promises";
import { expect, it } from "vitest";
import { isAlive, isGone, isRunning, parseProcess, thisProcessName } from "../../../src/util/process-name.ts";

it("tells a process that runs from one that has ended", async () => {
  const child = spawn("sleep", ["60"]);
  await once(child, "spawn");
  expect(isAlive(child.pid!)).toBe(true);
  child.kill("SIGKILL");
  await once(child, "exit");
  expect(isAlive(child.pid!)).toBe(false);
});

it.runIf(process.platform === "linux")("takes a process that nobody has waited for as one that has ended", async () => {
  // The shell becomes a sleep, which knows nothing of the child that ended meanwhile.
  const parent = spawn("sh", ["-c", "sleep 0.05 & echo $!; exec sleep 60"], { stdio: ["ignore", "pipe", "inherit"] });
  try {
    const [line] = (await once(parent.stdout, "data")) as [Buffer];
    const pid = Number(line.toString());
    expect(isAlive(pid)).toBe(true);
    while (isAlive(pid)) await pause(10);
    expect(() => process.kill(pid, 0)).not.toThrow();
  } finally {
    parent.kill("SIGKILL");
  }
});

it("says of nothing that is no process that it is alive", () => {
  for (const pid of [0, -1, 1.5, Number.NaN, 2 ** 53]) expect(isAlive(pid)).toBe(false);
});

it("knows this process by its name, and not another of the same id", () => {
  const name = thisProcessName();
  expect(isRunning(name) || name.machine === undefined).toBe(true);
  expect(isGone(name)).toBe(false);
  if (name.machine === undefined) return;
  const other = parseProcess({ ...name, started: "1" })!;
  expect(isGone(other)).toBe(true);
  expect(isRunning(other)).toBe(false);
  expect(isGone({ ...name, machine: "another" })).toBe(false);
});
