import { randomBytes } from "node:crypto";
import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { BallastError, systemCode } from "../errors.ts";
import { LockFiles, SILENT_MS } from "./lock-files.ts";

/**
 * Takes the advisory lock beside `file`, so that two processes read, change and write it one after the other. It keeps
 * updates from being lost; that each write is whole is for the writer to see to. A killed holder's lock is taken at once. One that
 * is stopped, as by a debugger or a sleeping machine, keeps it. Of a holder that another machine would have to tell of, the
 * lock is taken when it has not shown itself for a minute.
 * @param patienceMs how long to wait for another process; 0 gives up at once
 * @returns what releases it, or undefined when there was no patience
 * @throws LOCKED
 */
export async function acquireLock(file: string, patienceMs: number): Promise<(() => Promise<void>) | undefined> {
  const { default: lockfile } = await import("proper-lockfile");
  const files = new LockFiles(randomBytes(12).toString("hex"));
  try {
    const release = await lockfile.lock(file, {
      realpath: false,
      fs: files,
      stale: SILENT_MS,
      update: BEAT_MS,
      retries: { retries: Math.ceil(patienceMs / MOST_PAUSE_MS), minTimeout: 10, maxTimeout: MOST_PAUSE_MS, factor: 1.5, randomize: true },
      // Another machine has taken it for silence; what is written under the lock is whole and checked all the same.
      onCompromised: () => {},
    });
    return async () => {
      // It may have been taken from us; what is ours goes in any case.
      await release().catch(() => {});
      files.giveBack(`${file}.lock`);
    };
  } catch (cause) {
    if (systemCode(cause) !== "ELOCKED") throw cause;
    if (patienceMs === 0) return undefined;
    throw new BallastError("LOCKED", `another Ballast process holds ${file}`, { hint: `wait for it to end; if none runs, remove ${file}.lock`, cause });
  }
}

const PATIENCE_MS = 30_000;
const BEAT_MS = 5_000;
const MOST_PAUSE_MS = 50;

/** Does short work while holding the lock beside `file`. @throws LOCKED, and what `work` throws */
export async function withLock<T>(file: string, work: () => T | Promise<T>): Promise<T> {
  mkdirSync(dirname(file), { recursive: true });
  const release = await acquireLock(file, PATIENCE_MS);
  try {
    return await work();
  } finally {
    await release?.().catch(() => {});
  }
}
