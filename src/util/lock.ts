/*
 * A lock is a directory beside what it protects, `<file>.lock/`, that holds one file. The file's name is the holder's nonce, its
 * content the holder's process. The directory is made whole under another name and renamed, which fails while there is a
 * file in the old one. A lock whose holder is gone is opened by removing that holder's file, by name: so two who find it at once
 * can never take it from each other.
 */
import { randomBytes } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, renameSync, rmdirSync, rmSync, statSync, unlinkSync, utimesSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { BallastError, systemCode } from "../errors.ts";
import { isGone, isRunning, thisProcessName, type ProcessName } from "./process-name.ts";

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
  const directory = `${file}.lock`;
  const nonce = randomBytes(12).toString("hex");
  const made = `${directory}-${nonce}`;
  let taken = false;
  try {
    mkdirSync(made);
    writeFileSync(join(made, nonce), JSON.stringify(thisProcessName()));
    for (const began = Date.now(); !(taken = tryRename(made, directory)); ) {
      if (openStale(directory)) continue;
      if (patienceMs === 0) return undefined;
      if (Date.now() - began > patienceMs) throw locked(file, directory);
      await pause(10 + Math.random() * 40);
    }
  } finally {
    if (!taken) rmSync(made, { recursive: true, force: true });
  }
  removeLitter(directory);
  const own = join(directory, nonce);
  const heart = setInterval(() => beat(own), BEAT_MS).unref();
  return async () => {
    clearInterval(heart);
    rmSync(own, { force: true });
    removeIfEmpty(directory);
  };
}

const PATIENCE_MS = 30_000;
const BEAT_MS = 5_000;
/** A holder of another machine that has not shown itself for so long is gone. */
const SILENT_MS = 60_000;

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

/** Gives the directory its name unless one of that name holds something. */
function tryRename(made: string, directory: string): boolean {
  try {
    // Where a rename replaces no directory at all, an empty one must go first.
    if (process.platform === "win32") removeIfEmpty(directory);
    renameSync(made, directory);
    return true;
  } catch (error) {
    if (TAKEN.has(systemCode(error) ?? "")) return false;
    throw error;
  }
}

const TAKEN = new Set(["ENOTEMPTY", "EEXIST", ...(process.platform === "win32" ? ["EPERM", "EACCES", "EBUSY"] : [])]);

/** Removes what a holder that is gone has left. Returns whether another try is worth while. */
function openStale(directory: string): boolean {
  try {
    const names = readdirSync(directory);
    for (const name of names) {
      if (!isStale(join(directory, name))) return false;
      unlinkSync(join(directory, name));
    }
    return true;
  } catch (error) {
    // It was released, or somebody else was faster.
    if (systemCode(error) === "ENOENT") return true;
    throw error;
  }
}

function isStale(file: string): boolean {
  const holder = readHolder(file);
  if (holder) {
    if (isGone(holder)) return true;
    if (isRunning(holder)) return false;
    if (holder.machine === undefined && holder.host === thisProcessName().host && !answers(holder.pid)) return true;
  }
  return Date.now() - statSync(file).mtimeMs > SILENT_MS;
}

function readHolder(file: string): ProcessName | undefined {
  const text = readFileSync(file, "utf8");
  try {
    const holder = JSON.parse(text) as ProcessName | null;
    return typeof holder?.pid === "number" ? holder : undefined;
  } catch {
    return undefined;
  }
}

/** Whether there is a process of this id, where nothing more can be known of it. */
function answers(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return systemCode(error) !== "ESRCH";
  }
}

function beat(file: string): void {
  try {
    const now = new Date();
    utimesSync(file, now, now);
  } catch {
    // It was taken for silence; whoever reads it again finds out.
  }
}

/** Directories that were never renamed, since their makers were killed before. */
function removeLitter(directory: string): void {
  const prefix = `${basename(directory)}-`;
  for (const name of readdirSync(dirname(directory))) {
    if (!name.startsWith(prefix)) continue;
    const path = join(dirname(directory), name);
    const stat = statSync(path, { throwIfNoEntry: false });
    if (stat && Date.now() - stat.mtimeMs > 2 * PATIENCE_MS + SILENT_MS) rmSync(path, { recursive: true, force: true });
  }
}

function removeIfEmpty(directory: string): void {
  try {
    rmdirSync(directory);
  } catch {
    // The next holder is in it already, or it is gone.
  }
}

function locked(file: string, directory: string): BallastError {
  return new BallastError("LOCKED", `another Ballast process holds ${file}`, { hint: `wait for it to end; if none runs, remove ${directory}` });
}
