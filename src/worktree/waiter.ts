import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { worktreeState, type Repository } from "../git/repository.ts";
import { driverProgram } from "../util/package-root.ts";
import { gitProcessesAbove, isAlive } from "../util/process-name.ts";

/*
 * While a rebase goes on, one Git process keeps its index in memory and would refuse a manifest that was stamped under
 * its hands. So the stamp waits in the background until that process has ended, wherever it stopped.
 */

const POLL_MS = 40;
const AGAIN_MS = 200;
const TURNS = 25;

/** Starts the waiter unless one is there already. */
export function waitInBackground(repository: Repository): void {
  const file = worktreeState(repository, "waiter");
  mkdirSync(dirname(file), { recursive: true });
  const there = existsSync(file) ? Number(readFileSync(file, "utf8")) : 0;
  // Half of a number, which a killed process has left, may be that of the system's first process.
  if (there > 1 && isAlive(there)) return;
  const pids = gitProcessesAbove().map(({ pid }) => pid);
  const child = spawn(process.execPath, [driverProgram(), "hook", "wait", ...pids.map(String)], {
    cwd: repository.top,
    detached: true,
    stdio: "ignore",
  });
  if (child.pid !== undefined) writeFileSync(file, String(child.pid));
  child.unref();
}

/**
 * Waits until these processes have ended; `done` then settles, and says whether all is settled. Where it is not, since
 * the next Git process is at work already, it is tried again.
 */
export async function waitFor(repository: Repository, pids: readonly number[], done: () => Promise<boolean>): Promise<void> {
  try {
    while (pids.some(isAlive)) await sleep(POLL_MS);
    for (let turn = 0; turn < TURNS && !(await done()); turn++) await sleep(AGAIN_MS);
  } finally {
    rmSync(worktreeState(repository, "waiter"), { force: true });
  }
}
