import { mkdirSync, readdirSync, readFileSync, renameSync, rmdirSync, rmSync, statSync, unlinkSync, utimesSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { systemCode } from "../errors.ts";
import { isAlive, isGone, isRunning, thisProcessName, type ProcessName } from "./process-name.ts";

/*
 * What proper-lockfile does to its lock directory `<file>.lock/`, done so that a lock knows its process. The directory
 * holds one file. The file's name is the holder's nonce, its content the holder's process. The directory is made whole under
 * another name and renamed, which fails while there is a file in the old one. A lock whose holder is gone is opened by removing
 * that holder's file, by name: so two who find it at once can never take it from each other.
 */

/** A holder of another machine that has not shown itself for so long is gone. */
export const SILENT_MS = 60_000;
/** What was never renamed is removed when it is so old. */
const LITTER_MS = 2 * SILENT_MS;

type Done<T> = (error: Error | null, value?: T) => void;

/** The file system as proper-lockfile sees it, for one holder of one lock. */
export class LockFiles {
  readonly #nonce: string;

  /** @param nonce a name that nobody else has */
  constructor(nonce: string) {
    this.#nonce = nonce;
  }

  /** Takes the lock. Fails with EEXIST while somebody has it. */
  readonly mkdir = (directory: string, done: Done<void>): void => answer(done, () => this.#take(directory));

  /** Gives the lock back if this holder has it; else opens it if its holder is gone. */
  readonly rmdir = (directory: string, done: Done<void>): void => answer(done, () => this.rmdirSync(directory));

  readonly rmdirSync = (directory: string): void => {
    if (statSync(join(directory, this.#nonce), { throwIfNoEntry: false })) this.giveBack(directory);
    else openStale(directory);
  };

  /** Removes what is this holder's, if there is any. */
  giveBack(directory: string): void {
    rmSync(join(directory, this.#nonce), { force: true });
    removeIfEmpty(directory);
  }

  /** When the holder last showed itself: long ago if it is gone, now if it runs, stopped or not. */
  readonly stat = (directory: string, done: Done<{ mtime: Date }>): void =>
    answer(done, () => ({ mtime: statSync(join(directory, this.#nonce), { throwIfNoEntry: false })?.mtime ?? lastSign(directory) }));

  /** Shows that this holder is alive. */
  readonly utimes = (directory: string, atime: Date, mtime: Date, done: Done<void>): void => answer(done, () => utimesSync(join(directory, this.#nonce), atime, mtime));

  #take(directory: string): void {
    const made = `${directory}-${this.#nonce}`;
    try {
      mkdirSync(made);
      writeFileSync(join(made, this.#nonce), JSON.stringify(thisProcessName()));
      // Where a rename replaces no directory at all, an empty one must go first.
      if (process.platform === "win32") removeIfEmpty(directory);
      renameSync(made, directory);
    } catch (error) {
      rmSync(made, { recursive: true, force: true });
      if (TAKEN.has(systemCode(error) ?? "")) throw Object.assign(new Error(`${directory} is there`), { code: "EEXIST" });
      throw error;
    }
    removeLitter(directory);
  }
}

const TAKEN = new Set(["ENOTEMPTY", "EEXIST", ...(process.platform === "win32" ? ["EPERM", "EACCES", "EBUSY"] : [])]);

function answer<T>(done: Done<T>, work: () => T): void {
  let value: T;
  try {
    value = work();
  } catch (error) {
    return done(error as Error);
  }
  done(null, value);
}

/** Removes what a holder that is gone has left, and nothing else. */
function openStale(directory: string): void {
  for (const name of readdirSync(directory)) {
    const file = join(directory, name);
    if (Date.now() - signOf(file).getTime() <= SILENT_MS) return;
    unlinkSync(file);
  }
  removeIfEmpty(directory);
}

function lastSign(directory: string): Date {
  const signs = readdirSync(directory).map((name) => signOf(join(directory, name)));
  return signs.reduce((a, b) => (a > b ? a : b), new Date(0));
}

function signOf(file: string): Date {
  const holder = readHolder(file);
  if (holder) {
    if (isGone(holder)) return new Date(0);
    if (isRunning(holder)) return new Date();
    if (holder.machine === undefined && holder.host === thisProcessName().host && !isAlive(holder.pid)) return new Date(0);
  }
  return statSync(file).mtime;
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

/** Directories that were never renamed, since their makers were killed before. */
function removeLitter(directory: string): void {
  const prefix = `${basename(directory)}-`;
  for (const name of readdirSync(dirname(directory))) {
    if (!name.startsWith(prefix)) continue;
    const path = join(dirname(directory), name);
    const stat = statSync(path, { throwIfNoEntry: false });
    if (stat && Date.now() - stat.mtimeMs > LITTER_MS) rmSync(path, { recursive: true, force: true });
  }
}

function removeIfEmpty(directory: string): void {
  try {
    rmdirSync(directory);
  } catch {
    // The next holder is in it already, or it is gone.
  }
}
