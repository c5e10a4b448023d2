import { BallastError, systemCode, type ErrorCode } from "../errors.ts";

/** Turns a Node file system error from a directory store into ours; returns anything else as it came. */
export function storeFailure(error: unknown, url: string, what: string, access: "read" | "write"): unknown {
  const code = systemCode(error);
  const found = code === undefined ? undefined : (access === "write" ? (WRITE[code] ?? BOTH[code]) : (READ[code] ?? BOTH[code]));
  if (found === undefined) return error;
  const [ours, reason, hint] = found;
  return new BallastError(ours, `${what} in ${url}: ${reason}`, { hint, cause: error });
}

type Mapping = Readonly<Record<string, readonly [ErrorCode, reason: string, hint: string]>>;

const MODE_HINT = "check the owner and mode of the store's directory";
const MOUNT_HINT = "check that the file system is mounted and its server answers";

const WRITE: Mapping = {
  ENOSPC: ["DISK_FULL", "no space left", "free some space and run the same command again; nothing was lost"],
  EDQUOT: ["DISK_FULL", "the disk quota is used up", "free some space and run the same command again; nothing was lost"],
  EROFS: ["STORE_READ_ONLY", "the file system is read-only", "remount it writable, or use another store"],
  EACCES: ["STORE_READ_ONLY", "permission denied", MODE_HINT],
  EPERM: ["STORE_READ_ONLY", "not permitted", MODE_HINT],
};

const READ: Mapping = {
  EACCES: ["STORE_DENIED", "permission denied", MODE_HINT],
  EPERM: ["STORE_DENIED", "not permitted", MODE_HINT],
};

const BOTH: Mapping = {
  EIO: ["STORE_UNREACHABLE", "input/output error", MOUNT_HINT],
  ESTALE: ["STORE_UNREACHABLE", "stale file handle", MOUNT_HINT],
  ENOTCONN: ["STORE_UNREACHABLE", "not connected", MOUNT_HINT],
  EHOSTDOWN: ["STORE_UNREACHABLE", "the server is down", MOUNT_HINT],
  ETIMEDOUT: ["STORE_UNREACHABLE", "the server does not answer", MOUNT_HINT],
  EMFILE: ["STORE_BUSY", "too many open files", "raise the limit (ulimit -n) or lower ballast.concurrency"],
  ENFILE: ["STORE_BUSY", "too many open files", "raise the limit (ulimit -n) or lower ballast.concurrency"],
  EBUSY: ["STORE_BUSY", "in use", "try again when the other program has ended"],
};

/** The root itself is not there. */
export function storeMissing(url: string, cause?: unknown): BallastError {
  return new BallastError("STORE_MISSING", `there is no store at ${url}`, {
    hint: "check that the file system is mounted; a new store is made by git ballast store set",
    cause,
  });
}

/** Whether a Node error says that a file, or a directory on the way to it, is not there. */
export function isAbsent(error: unknown): boolean {
  const code = systemCode(error);
  return code === "ENOENT" || code === "ENOTDIR";
}

/** What was to be written is not what it was said to be. */
export function sourceChanged(key: string, reason: string): BallastError {
  return new BallastError("OBJECT_CORRUPT", `cannot write ${key}: ${reason}`, {
    hint: "its source changed or is damaged; run git ballast fsck",
  });
}
