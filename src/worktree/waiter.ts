import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { worktreeState, type Repository } from "../git/repository.ts";
import { systemCode } from "../errors.ts";
import { driverProgram } from "../util/package-root.ts";

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
  if (existsSync(file) && isAlive(Number(readFileSync(file, "utf8")))) return;
  const pids = gitAncestors();
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

function isAlive(pid: number): boolean {
  if (!(pid > 1)) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return systemCode(error) === "EPERM";
  }
}

/** The Git processes that this one descends from. */
function gitAncestors(): number[] {
  const found: number[] = [];
  for (let pid = process.ppid; pid > 1; ) {
    const { parent, name } = processInfo(pid);
    if (/^git/.test(name)) found.push(pid);
    pid = parent;
  }
  return found;
}

function processInfo(pid: number): { parent: number; name: string } {
  try {
    if (process.platform === "linux") {
      // pid (name) state ppid …; the name may hold spaces and parentheses
      const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
      const end = stat.lastIndexOf(")");
      return { name: stat.slice(stat.indexOf("(") + 1, end), parent: Number(stat.slice(end + 2).split(" ")[1]) };
    }
    const line = execFileSync("ps", ["-o", "ppid=,comm=", "-p", String(pid)], { encoding: "utf8" }).trim();
    const [, parent, name] = /^(\d+)\s+(.*)$/.exec(line) ?? [];
    return { parent: Number(parent ?? 0), name: (name ?? "").split("/").at(-1)! };
  } catch {
    return { parent: 0, name: "" };
  }
}
