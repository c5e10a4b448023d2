import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { BallastError, systemCode } from "../errors.ts";

/**
 * Takes the advisory lock beside `file`, so that two processes read, change and write it one after the other. It keeps
 * updates from being lost; that each write is whole is for the writer to see to. A killed holder is waited for a few
 * seconds.
 * @param patienceMs how long to wait for another process; 0 gives up at once
 * @returns what releases it, or undefined when there was no patience
 * @throws LOCKED
 */
export async function acquireLock(file: string, patienceMs: number): Promise<(() => Promise<void>) | undefined> {
  const { default: lockfile } = await import("proper-lockfile");
  const retries = Math.ceil(patienceMs / 50);
  try {
    return await lockfile.lock(file, {
      realpath: false,
      stale: 5_000,
      retries: { retries, minTimeout: 20, maxTimeout: 80, factor: 1.2, randomize: true },
      onCompromised: () => {},
    });
  } catch (cause) {
    if (systemCode(cause) !== "ELOCKED") throw cause;
    if (patienceMs === 0) return undefined;
    throw new BallastError("LOCKED", `another Ballast process holds ${file}`, {
      hint: `wait for it to end; if none runs, remove ${file}.lock`,
      cause,
    });
  }
}

const PATIENCE_MS = 30_000;

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
