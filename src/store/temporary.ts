import { randomBytes } from "node:crypto";
import { closeSync, fstatSync, fsync, linkSync, mkdirSync, openSync, statSync, unlinkSync, write, writeSync } from "node:fs";
import { lstat, mkdir, readdir, rename, rmdir, unlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import { systemCode } from "../errors.ts";
import { openClone } from "../util/clone-file.ts";
import { syncDirectory } from "../util/sync-directory.ts";

const fsyncAsync = promisify(fsync);
const writeAsync = promisify(write);

/** A file being written, under a name that nobody looks for. Throws Node's own errors. */
export class TemporaryFile {
  readonly path: string;
  #fd: number | undefined;
  #named = true;

  private constructor(path: string, fd: number) {
    this.path = path;
    this.#fd = fd;
  }

  /** A new, empty file. */
  static create(directory: string): TemporaryFile {
    const path = newName(directory);
    return new TemporaryFile(path, openSync(path, "wx+", 0o666));
  }

  /** A new file that shares the blocks of `source`; undefined where the file system cannot do that. */
  static clone(source: string, directory: string): TemporaryFile | undefined {
    const path = newName(directory);
    const fd = openClone(source, path, 0o666);
    return fd === undefined ? undefined : new TemporaryFile(path, fd);
  }

  /** The open descriptor, for reading and writing at any offset. */
  get fd(): number {
    if (this.#fd === undefined) throw new Error("the temporary file is closed");
    return this.#fd;
  }

  /** Appends all of `bytes`, which must not change before it returns. */
  async write(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length; ) at += (await writeAsync(this.fd, bytes, at, bytes.length - at, null)).bytesWritten;
  }

  writeSync(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; ) at += writeSync(this.fd, bytes, at);
  }

  get sizeBytes(): number {
    return fstatSync(this.fd).size;
  }

  /** Makes the content durable. */
  async sync(): Promise<void> {
    await fsyncAsync(this.fd);
  }

  close(): void {
    if (this.#fd === undefined) return;
    const fd = this.#fd;
    this.#fd = undefined;
    closeSync(fd);
  }

  /** Closes and removes the file; harmless when it is gone. */
  discard(): void {
    this.close();
    if (!this.#named) return;
    this.#named = false;
    try {
      unlinkSync(this.path);
    } catch (error) {
      if (systemCode(error) !== "ENOENT") throw error;
    }
  }
}

/** No other thread or process, on this machine or another, takes the same name. */
function newName(directory: string): string {
  unique ??= randomBytes(9).toString("hex");
  return join(directory, `${process.pid}-${unique}-${(names++).toString(16)}`);
}

let unique: string | undefined;
let names = 0;

/**
 * Gives a finished file its name, unless the name is taken; the temporary name may be left. The new name is seen at once
 * and durable after a sync of its directory. Missing directories are made, and are durable on return.
 * @param exclusive that only one of several writers may be told "created" also where hard links do not exist; not
 *   needed for objects, whose content is the same whoever writes them
 */
export async function place(temporary: string, target: string, root: string, exclusive: boolean): Promise<"created" | "exists"> {
  for (let attempt = 1; ; attempt++) {
    try {
      // At once: handing it to another thread takes longer than the link.
      linkSync(temporary, target);
      return "created";
    } catch (error) {
      const code = systemCode(error) ?? "";
      // A network file system may have made the link and lost the answer; then the file has two names.
      if (code === "EEXIST") return statSync(temporary).nlink > 1 ? "created" : "exists";
      if (code === "ENOENT" && attempt < 3) await makeDirectories(dirname(target), root);
      else if (NO_LINKS.has(code)) return placeByRename(temporary, target, root, exclusive);
      else throw error;
    }
  }
}

/** Codes of systems without hard links, or with no more of them for this file. */
export const NO_LINKS = new Set(["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EMLINK", "EINVAL", "EXDEV"]);

async function placeByRename(temporary: string, target: string, root: string, exclusive: boolean): Promise<"created" | "exists"> {
  await makeDirectories(dirname(target), root);
  const release = exclusive ? await claim(`${dirname(temporary)}/claim-${target.slice(root.length + 1).replaceAll(/[/\\]/g, "-")}`) : undefined;
  try {
    if (await exists(target)) return "exists";
    await rename(temporary, target);
    return "created";
  } finally {
    await release?.();
  }
}

const CLAIM_EXPIRY_MS = 60_000;

/** Holds a directory that only one can make; a claim that outlived its maker expires. */
async function claim(directory: string): Promise<() => Promise<void>> {
  for (;;) {
    try {
      await mkdir(directory);
      return () => rmdir(directory).catch(() => {});
    } catch (error) {
      if (systemCode(error) !== "EEXIST") throw error;
      const held = await lstat(directory).catch(() => undefined);
      if (held && Date.now() - held.mtimeMs > CLAIM_EXPIRY_MS) await rmdir(directory).catch(() => {});
      else await delay(20);
    }
  }
}

/** Makes `directory` and what is missing between it and `root`, durably. The root must exist. */
export async function makeDirectories(directory: string, root: string): Promise<void> {
  try {
    await mkdir(directory);
  } catch (error) {
    if (systemCode(error) === "EEXIST") return;
    if (systemCode(error) !== "ENOENT" || directory === root) throw error;
    await makeDirectories(dirname(directory), root);
    await mkdir(directory).catch((again) => {
      if (systemCode(again) !== "EEXIST") throw again;
    });
  }
  await syncDirectory(dirname(directory));
}

export async function exists(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    (error) => {
      if (systemCode(error) === "ENOENT" || systemCode(error) === "ENOTDIR") return false;
      throw error;
    },
  );
}

const STALE_MS = 24 * 3600 * 1000;

/**
 * Removes what killed processes left in `directory` more than a day ago, by the file system's clock: this machine's may
 * be wrong, and what others are writing must stay. Never fails: it is a courtesy.
 */
export async function removeStale(directory: string): Promise<void> {
  try {
    let nowMs: number | undefined;
    for (const name of await readdir(directory)) {
      const path = join(directory, name);
      const { mtimeMs } = await lstat(path);
      if (Date.now() - mtimeMs <= STALE_MS) continue;
      nowMs ??= timeIn(directory);
      if (nowMs - mtimeMs > STALE_MS) await unlink(path).catch(() => rmdir(path));
    }
  } catch {
    // Somebody else's file, or somebody else was faster.
  }
}

/** The time that the file system gives to a new file. */
function timeIn(directory: string): number {
  const file = TemporaryFile.create(directory);
  try {
    return fstatSync(file.fd).mtimeMs;
  } finally {
    file.discard();
  }
}

/** Throws Node's own errors. */
export function mkdirIfAbsent(directory: string): "created" | "exists" {
  try {
    mkdirSync(directory);
    return "created";
  } catch (error) {
    if (systemCode(error) === "EEXIST") return "exists";
    throw error;
  }
}
