/**
 * Every failure that a user can meet is a {@link BallastError} with a code from this closed set.
 * A plain `Error` that reaches the top means a bug of ours.
 */
export const EXIT_STATUS = {
  /** Findings: a check ran and something is wrong (`doctor`, `fsck`, `verify`, `status --exit-code`). */
  FINDINGS: 1,
  /** The command line or a setting is wrong. */
  USAGE: 2,
  CONFIG_INVALID: 2,
  /** Not inside a Git worktree, or not a Ballast repository. */
  NOT_A_REPOSITORY: 3,
  NOT_INITIALISED: 3,
  GIT_FAILED: 3,
  /** The manifest, a path or the index cannot be accepted as it is. */
  MANIFEST_INVALID: 4,
  MANIFEST_VERSION: 4,
  PATH_REFUSED: 4,
  NOT_A_FILE: 4,
  NOT_UTF8: 4,
  CONFLICT: 5,
  MODIFIED: 5,
  FILE_CHANGED: 5,
  /** An object is needed and is nowhere to be found. */
  OBJECT_MISSING: 6,
  OBJECT_ARCHIVED: 6,
  OBJECT_CORRUPT: 7,
  ENCODING_UNKNOWN: 7,
  /** The store. */
  STORE_UNREACHABLE: 8,
  STORE_BUSY: 8,
  STORE_DENIED: 9,
  STORE_MISSING: 9,
  STORE_VERSION: 9,
  STORE_READ_ONLY: 9,
  CREDENTIALS_MISSING: 9,
  /** The store does not do what locks rest on. */
  LOCKS_UNSUPPORTED: 9,
  /** The committed store differs from the pinned one. */
  STORE_CHANGED: 10,
  DISK_FULL: 11,
  FILE_DENIED: 11,
  LOCKED: 12,
  INTERRUPTED: 130,
} as const;

export type ErrorCode = keyof typeof EXIT_STATUS;

/** Exit status for a bug of ours (an error that is not a {@link BallastError}). */
export const EXIT_BUG = 70;

/** Marks our errors, whichever bundle made them: the driver and its parts each have a class of their own. */
const OURS = Symbol.for("git-ballast.error");

export class BallastError extends Error {
  static override [Symbol.hasInstance](value: unknown): boolean {
    return value instanceof Error && OURS in value;
  }

  override readonly name = "BallastError";
  readonly code: ErrorCode;
  /** The command to run next, or what to change; one sentence without a full stop. */
  readonly hint: string | undefined;

  /** @param message what failed, and on which path, oid or store; one line */
  constructor(code: ErrorCode, message: string, options: { hint?: string; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.hint = options.hint;
  }

  get [OURS](): true {
    return true;
  }
}

export function isBallastError(error: unknown, ...codes: ErrorCode[]): error is BallastError {
  return error instanceof BallastError && (codes.length === 0 || codes.includes(error.code));
}

/** The `code` of a Node system error such as `ENOENT`, or undefined. */
export function systemCode(error: unknown): string | undefined {
  if (error instanceof Error && "code" in error && typeof error.code === "string") return error.code;
  return undefined;
}

/** Turns a Node file system error into ours; returns anything else as it came. */
export function fromSystemError(error: unknown, what: string): unknown {
  switch (systemCode(error)) {
    case "ENOSPC":
    case "EDQUOT":
      return new BallastError("DISK_FULL", `${what}: no space left on the device`, {
        hint: "free some space and run the same command again; nothing was lost",
        cause: error,
      });
    case "EACCES":
    case "EPERM":
    case "EROFS":
      return new BallastError("FILE_DENIED", `${what}: permission denied`, {
        hint: "check the owner and mode of the file and of its directory",
        cause: error,
      });
    default:
      return error;
  }
}
