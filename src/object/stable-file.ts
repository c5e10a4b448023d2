import { closeSync, constants, fstatSync, lstatSync, openSync, read, readSync, type BigIntStats } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import { BallastError, fromSystemError, isBallastError, systemCode } from "../errors.ts";
import { IdleBuffers } from "../util/idle-buffers.ts";

/** The fields of a stat that tell whether a file was touched; times in nanoseconds since 1970. */
export interface FileStat {
  readonly size: bigint;
  readonly mtimeNs: bigint;
  readonly ctimeNs: bigint;
  readonly ino: bigint;
  readonly dev: bigint;
  readonly mode: bigint;
}

/** A file of a worktree, open for reading. */
export interface OpenFile {
  readonly path: string;
  readonly fd: number;
  readonly sizeBytes: number;
}

/** Up to this size a file is read at once, synchronously. */
export const SMALL_BYTES = 4 * 1024 * 1024;
const CHUNK_BYTES = 1024 * 1024;
const ATTEMPTS = 4;

const readAsync = promisify(read);
const idle = new IdleBuffers();

/**
 * Reads a regular file that nobody writes meanwhile: stat before and after must agree, else it is read again, three
 * times at most. Never follows a symbolic link at `path` itself and never waits for a FIFO.
 * @param attempt reads it; undefined when it saw the file change by itself
 * @param undo takes back what an attempt made that does not count
 * @throws NOT_A_FILE, FILE_CHANGED (also for a file that is not there: {@link isVanished}), FILE_DENIED
 */
export async function readStable<T>(
  path: string,
  attempt: (file: OpenFile) => T | undefined | Promise<T | undefined>,
  undo: (made: T) => void = () => {},
): Promise<{ made: T; stat: FileStat }> {
  for (let count = 1; ; count++) {
    const fd = openFile(path);
    try {
      const before = fstatSync(fd, { bigint: true });
      if (!before.isFile()) throw notAFile(path, kindOf(before));
      const made = await attempt({ path, fd, sizeBytes: Number(before.size) });
      const stat = fileStat(fstatSync(fd, { bigint: true }));
      if (made !== undefined) {
        if (isSame(before, stat)) return { made, stat };
        undo(made);
      }
    } catch (error) {
      throw fromSystemError(error, `cannot read ${path}`);
    } finally {
      closeSync(fd);
    }
    if (count === ATTEMPTS) {
      throw new BallastError("FILE_CHANGED", `${path} changed each time while it was being read`, {
        hint: "wait until the program that writes it has finished, and run the same command again",
      });
    }
    await delay(50 * count);
  }
}

/** Whether an error says that there was no file to read. */
export function isVanished(error: unknown): boolean {
  return isBallastError(error, "FILE_CHANGED") && ABSENT.has(systemCode(error.cause) ?? "");
}

/** What is kept of a stat. */
export function fileStat({ size, mtimeNs, ctimeNs, ino, dev, mode }: FileStat): FileStat {
  return { size, mtimeNs, ctimeNs, ino, dev, mode };
}

/**
 * A small file's content in a buffer that the next call reuses: done with before anything is awaited.
 * @returns undefined when the file is not as long as it was said to be
 */
export function readSmall({ fd, sizeBytes }: OpenFile): Buffer | undefined {
  // One byte more than the file has: a file that grew shows.
  const wanted = sizeBytes + 1;
  if (shared.length < wanted) shared = Buffer.allocUnsafeSlow(Math.max(wanted, Math.min(SMALL_BYTES + 1, 2 * wanted)));
  let length = 0;
  while (length < wanted) {
    const count = readSync(fd, shared, length, wanted - length, length);
    if (count === 0) break;
    length += count;
  }
  return length === sizeBytes ? shared.subarray(0, length) : undefined;
}

let shared = Buffer.alloc(0);

/**
 * A file's first `sizeBytes` bytes, read ahead by one chunk; fewer when it has shrunk. A chunk is overwritten once the
 * next one is asked for, or the reading is ended.
 * @throws the signal's reason; Node's own errors
 */
export async function* readChunks(fd: number, sizeBytes: number, signal?: AbortSignal): AsyncGenerator<Buffer> {
  // No larger than what there is to read: of many small files, the buffers would cost more than all else.
  const buffers = [0, CHUNK_BYTES].map((at) => (sizeBytes - at < CHUNK_BYTES ? Buffer.allocUnsafeSlow(Math.max(0, sizeBytes - at)) : idle.take(CHUNK_BYTES)));
  const readAt = (turn: number, at: number) => readAsync(fd, buffers[turn]!, 0, Math.min(CHUNK_BYTES, sizeBytes - at), at);
  let pending = readAt(0, 0);
  try {
    for (let at = 0, turn = 0; ; turn ^= 1) {
      const { bytesRead } = await pending;
      signal?.throwIfAborted();
      if (bytesRead === 0) return;
      at += bytesRead;
      pending = readAt(turn ^ 1, at);
      yield buffers[turn]!.subarray(0, bytesRead);
    }
  } finally {
    // The descriptor must stay open until the read that is under way has ended.
    await pending.catch(() => {});
    for (const buffer of buffers) if (buffer.length === CHUNK_BYTES) idle.give(buffer);
  }
}

const ABSENT = new Set(["ENOENT", "ENOTDIR"]);
const NOFOLLOW = constants.O_NOFOLLOW as number | undefined;

function openFile(path: string): number {
  try {
    if (NOFOLLOW === undefined && lstatSync(path).isSymbolicLink()) throw notAFile(path, "a symbolic link");
    return openSync(path, constants.O_RDONLY | (NOFOLLOW ?? 0) | ((constants.O_NONBLOCK as number | undefined) ?? 0));
  } catch (error) {
    const code = systemCode(error) ?? "";
    if (code === "ELOOP" || code === "EMLINK") throw notAFile(path, "a symbolic link", error);
    if (code === "ENXIO" || code === "EOPNOTSUPP") throw notAFile(path, "a socket or device", error);
    if (code === "EISDIR") throw notAFile(path, "a directory", error);
    if (ABSENT.has(code)) {
      throw new BallastError("FILE_CHANGED", `${path} is not there any more`, { hint: "run the same command again", cause: error });
    }
    throw fromSystemError(error, `cannot read ${path}`);
  }
}

function notAFile(path: string, what: string, cause?: unknown): BallastError {
  return new BallastError("NOT_A_FILE", `${path} is ${what}, not a regular file`, {
    hint: "only regular files can be assets; exclude the path in .gitignore's Ballast block or replace it",
    cause,
  });
}

function kindOf(stat: BigIntStats): string {
  if (stat.isDirectory()) return "a directory";
  if (stat.isFIFO()) return "a FIFO";
  return "a socket or device";
}

function isSame(a: BigIntStats, b: FileStat): boolean {
  return a.size === b.size && a.mtimeNs === b.mtimeNs && a.ctimeNs === b.ctimeNs;
}
