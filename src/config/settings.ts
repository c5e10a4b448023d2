/** The validated settings that every other module receives; built once by `config/load.ts`. */
export interface Settings {
  /** `s3://bucket/prefix`, `file:///dir`, or `embedded` (a directory store inside the Git directory). */
  readonly storeUrl: string | undefined;
  /** The `store.*` keys that the user set here, not the committed file: these need no pin to be trusted. */
  readonly ownStoreKeys: readonly string[];
  readonly s3: S3Settings;
  readonly compression: CompressionSettings;
  readonly delta: DeltaSettings;
  /** Files processed at a time by workers and transfers. */
  readonly concurrency: number;
  /** Whether a push that changes what somebody else holds is refused, and a commit warns of it. */
  readonly locksVerify: boolean;
  readonly cache: CacheSettings;
  readonly cleanup: CleanupSettings;
  readonly fetch: FetchSettings;
  /** How `checkout`, `pull` and `resolve` settle conflicts when they are not told. */
  readonly conflictStrategy: Strategy;
  /** False turns the clean filter off: pre-commit records instead. */
  readonly gitLive: boolean;
}

export interface S3Settings {
  readonly region: string | undefined;
  readonly profile: string | undefined;
  /** For providers other than AWS, e.g. `https://minio.example:9000`. */
  readonly endpoint: string | undefined;
  readonly pathStyle: boolean;
  /** Sends unsigned requests, for public buckets. */
  readonly noSignRequest: boolean;
  readonly sse: "AES256" | "aws:kms" | undefined;
  readonly sseKmsKeyId: string | undefined;
  readonly storageClass: string | undefined;
  readonly requesterPays: boolean;
  readonly accelerate: boolean;
  /** A transfer that moves no byte for this long is ended and tried again. */
  readonly stallTimeoutMs: number;
  /** Tries of one operation, the first included. */
  readonly attempts: number;
  /** Size of a multipart part; raised by itself where 10,000 parts would not do. */
  readonly partSizeBytes: number;
  /** Unfinished uploads older than this are aborted rather than continued. */
  readonly uploadExpiryMs: number;
}

export interface CompressionSettings {
  readonly mode: "auto" | "always" | "never";
  /** 1 (fast) to 9 (small). */
  readonly level: number;
  /** `zlib` is Node's own; `pako` gives the same bytes on every machine. */
  readonly engine: "zlib" | "pako";
}

export interface DeltaSettings {
  readonly mode: "auto" | "never";
  /** A delta is kept only if it takes at most this share of what the full encoding would. */
  readonly maxRatio: number;
  /** Deltas that restoring one content may apply one after the other. */
  readonly maxDepth: number;
  /** Patterns as in `.gitignore`: these assets never get deltas. */
  readonly exclude: readonly string[];
}

/** Which assets are downloaded and restored; patterns as in `.gitignore`. */
export interface FetchSettings {
  /** None: all. */
  readonly include: readonly string[];
  readonly exclude: readonly string[];
}

/** Which side of a conflict is taken: none but by hand, this branch's or the disk's, what Git brought, or the later one. */
export type Strategy = "manual" | "ours" | "theirs" | "newest";

export interface CacheSettings {
  /** An absolute path: the directory whose objects the clones of this machine share; undefined: none. */
  readonly dir: string | undefined;
  /** How much the local store, and the shared directory, may hold; undefined: any. */
  readonly limitBytes: number | undefined;
  /** What was of use for so long back is not evicted without need. */
  readonly recentMs: number;
  /** Whether the limit is kept by itself, in the background. */
  readonly auto: boolean;
}

export interface CleanupSettings {
  /** Only what has been in the store for this long is marked. */
  readonly graceMs: number;
  /** Only what has been marked for this long is removed. */
  readonly delayMs: number;
}

const MIB = 1024 * 1024;

export const DEFAULTS: Settings = {
  storeUrl: undefined,
  ownStoreKeys: [],
  s3: {
    region: undefined,
    profile: undefined,
    endpoint: undefined,
    pathStyle: false,
    noSignRequest: false,
    sse: undefined,
    sseKmsKeyId: undefined,
    storageClass: undefined,
    requesterPays: false,
    accelerate: false,
    stallTimeoutMs: 30_000,
    attempts: 6,
    partSizeBytes: 16 * MIB,
    uploadExpiryMs: 7 * 24 * 3600 * 1000,
  },
  compression: { mode: "auto", level: 5, engine: "zlib" },
  delta: { mode: "auto", maxRatio: 0.5, maxDepth: 16, exclude: [] },
  concurrency: 8,
  locksVerify: true,
  cache: { dir: undefined, limitBytes: undefined, recentMs: 7 * 24 * 3600 * 1000, auto: true },
  cleanup: { graceMs: 14 * 24 * 3600 * 1000, delayMs: 24 * 3600 * 1000 },
  fetch: { include: [], exclude: [] },
  conflictStrategy: "manual",
  gitLive: true,
};
