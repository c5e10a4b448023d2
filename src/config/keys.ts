import { BallastError } from "../errors.ts";
import { parseStoreUrl } from "./store-url.ts";
import { suggest } from "../util/suggest.ts";
import { boolean, directory, duration, integer, oneOf, patterns, share, size, word, type Kind } from "./values.ts";

/*
 * Every setting that there is. A key is spelled
 *
 *   store.pathStyle                  on the command line (--set store.pathStyle=true) and in documentation
 *   BALLAST_STORE_PATH_STYLE         in the environment
 *   ballast.store.pathStyle          in git config: [ballast "store"] pathStyle = true
 *   [store] pathStyle = true         in the committed .ballast/config, for those that are allowed there
 */
export interface Key<T = unknown> {
  readonly kind: Kind<T>;
  readonly description: string;
  /**
   * Whether the committed file may set it. Never for what names credentials, costs the reader of a clone money, or
   * could run a command: anybody who can push a commit writes that file.
   */
  readonly committed: boolean;
}

const SECOND = 1000;
const HOUR = 3600 * SECOND;
const DAY = 24 * HOUR;
const MIB = 1024 ** 2;
const COMMITTED = { committed: true };
const PERSONAL = { committed: false };

const storeUrl: Kind<string> = {
  expects: "s3://bucket/prefix, file:///directory or embedded",
  parse: (text) => parseStoreUrl(text),
  format: (value) => value,
};

const endpoint: Kind<string> = {
  expects: "a URL such as https://minio.example:9000, without user, password or query",
  parse(text) {
    if (!URL.canParse(text) || /[\s\u0000-\u001f]/.test(text)) return undefined;
    const url = new URL(text);
    if (!/^https?:$/.test(url.protocol) || url.username || url.password || url.search || url.hash) return undefined;
    return url.href.replace(/\/+$/, "");
  },
  format: (value) => value,
};

export const KEYS = {
  "store.url": key(storeUrl, "Where objects are kept.", COMMITTED),
  "store.region": key(word("the name of a region, such as eu-central-1", /^[A-Za-z0-9-]{1,64}$/), "The bucket's region.", COMMITTED),
  "store.endpoint": key(endpoint, "The S3 endpoint of a provider other than AWS.", COMMITTED),
  "store.pathStyle": key(boolean, "Addresses the bucket as part of the path, not of the host name.", COMMITTED),
  "store.noSignRequest": key(boolean, "Sends requests without credentials, for public buckets.", COMMITTED),
  "store.sse": key(oneOf("AES256", "aws:kms"), "Server-side encryption that uploads ask for.", COMMITTED),
  "store.sseKmsKeyId": key(word("the id or ARN of a KMS key"), "The KMS key for store.sse = aws:kms.", COMMITTED),
  "store.storageClass": key(word("a storage class, such as STANDARD_IA", /^[A-Z0-9_]{1,64}$/), "The storage class of what is uploaded.", COMMITTED),
  "store.accelerate": key(boolean, "Uses S3 transfer acceleration.", COMMITTED),
  "store.profile": key(word("the name of a profile", /^[^\s\u0000-\u001f"'\\][^\u0000-\u001f"'\\]{0,254}$/), "The AWS profile that gives the credentials.", PERSONAL),
  "store.requesterPays": key(boolean, "Accepts the costs of requests to a bucket where the requester pays.", PERSONAL),
  "store.stallTimeout": key(duration(SECOND, HOUR), "A transfer that moves no byte for this long is tried again.", PERSONAL),
  "store.attempts": key(integer(1, 100), "How often one operation is tried, the first time included.", PERSONAL),
  "store.partSize": key(size(5 * MIB, 5 * 1024 * MIB), "The size of the parts of a large upload.", COMMITTED),
  "store.uploadExpiry": key(duration(HOUR, 365 * DAY), "Unfinished uploads older than this are removed rather than continued.", PERSONAL),
  "compression.mode": key(oneOf("auto", "always", "never"), "Whether content is compressed; auto tries a sample.", COMMITTED),
  "compression.level": key(integer(1, 9), "From 1, fast, to 9, small.", COMMITTED),
  "compression.engine": key(oneOf("zlib", "pako"), "zlib is fast; pako gives the same bytes on every machine.", COMMITTED),
  "delta.mode": key(oneOf("auto", "never"), "Whether a new version is stored as its difference from another one.", COMMITTED),
  "delta.maxRatio": key(share(0.01, 1), "A delta is kept only if it takes at most this share of the full encoding.", COMMITTED),
  "delta.maxDepth": key(integer(1, 64), "How many deltas restoring one asset may take.", COMMITTED),
  "delta.exclude": key(patterns, "Assets that never get deltas, as patterns with commas between them.", COMMITTED),
  concurrency: key(integer(1, 256), "How many files are worked on at a time.", PERSONAL),
  "cache.dir": key(directory, "A directory whose objects the clones of this machine share.", PERSONAL),
  "cache.limit": key(size(0, 1024 ** 5), "How much the local store, and the shared cache, may hold; what is not pushed stays in any case.", PERSONAL),
  "cache.auto": key(boolean, "Whether what is more than cache.limit is pruned in the background, after runs that transferred something.", PERSONAL),
  "cache.recent": key(duration(0, 3650 * DAY), "Prune keeps what was of use for so long back.", PERSONAL),
  "cleanup.grace": key(duration(0, 3650 * DAY), "Cleanup marks only what has been in the store for this long.", COMMITTED),
  "cleanup.delay": key(duration(0, 3650 * DAY), "Cleanup removes only what has been marked for this long.", COMMITTED),
  "locks.verify": key(boolean, "Whether push refuses, and commit warns of, changes to what somebody else holds.", COMMITTED),
  "fetch.include": key(patterns, "Only these assets are downloaded and restored, as patterns with commas between them.", PERSONAL),
  "fetch.exclude": key(patterns, "These assets are neither downloaded nor restored.", PERSONAL),
  "conflict.strategy": key(oneOf("manual", "ours", "theirs", "newest"), "Which side of a conflict checkout, pull and resolve take.", PERSONAL),
  "git.live": key(boolean, "Whether plain Git sees changed assets (git status, commit -a).", COMMITTED),
} as const;

export type KeyName = keyof typeof KEYS;
/** The settings that were given a value, each in its own type. */
export type Values = { -readonly [K in KeyName]?: (typeof KEYS)[K] extends Key<infer T> ? T : never };

export const KEY_NAMES = Object.keys(KEYS) as readonly KeyName[];

/** Other spellings: `compression = never` is what people write first. */
const ALIASES = new Map<string, KeyName>([["compression", "compression.mode"], ["delta", "delta.mode"]]);

/** The key of this name, in any case; undefined when there is none. */
export function findKey(name: string): KeyName | undefined {
  const lower = name.toLowerCase();
  return BY_LOWER_CASE.get(lower) ?? ALIASES.get(lower);
}

const BY_LOWER_CASE = new Map(KEY_NAMES.map((name) => [name.toLowerCase(), name]));

/** The variable that sets a key: `BALLAST_STORE_PATH_STYLE`. */
export function environmentName(name: KeyName): string {
  return `BALLAST_${name.replace(/\.mode$/, "").replace(/[A-Z]/g, "_$&").replaceAll(".", "_").toUpperCase()}`;
}

/**
 * A value in its own type.
 * @param where how messages name the place that it comes from
 * @throws `code`, naming the key, the place and what would be valid
 */
export function parseValue<K extends KeyName>(name: K, text: string, { where, code }: { where: string; code: "USAGE" | "CONFIG_INVALID" }): NonNullable<Values[K]> {
  const { kind } = KEYS[name] as Key;
  let reason = `must be ${kind.expects}`;
  try {
    const value = kind.parse(text);
    if (value !== undefined) return value as NonNullable<Values[K]>;
  } catch (error) {
    if (!(error instanceof BallastError)) throw error;
    reason = error.message;
  }
  const said = name === "store.url" || name === "store.endpoint" ? "" : `, not ${shorten(text)}`;
  throw new BallastError(code, `${where}: ${name} ${reason}${said}`, { hint: "git ballast config lists the settings" });
}

/** @throws USAGE for a name that is no key */
export function requireKey(name: string): KeyName {
  const found = findKey(name);
  if (found !== undefined) return found;
  const near = nearest(name);
  throw new BallastError("USAGE", `no such setting: ${shorten(name)}`, { hint: near ? `did you mean ${near}?` : "git ballast config lists the settings" });
}

function nearest(name: string): KeyName | undefined {
  const whole = suggest(name, KEY_NAMES);
  if (whole !== undefined) return whole as KeyName;
  const byLast = new Map(KEY_NAMES.map((key) => [key.split(".").at(-1)!, key]));
  const last = suggest(name.split(".").at(-1)!, byLast.keys());
  return last === undefined ? undefined : byLast.get(last);
}

function key<T>(kind: Kind<T>, description: string, { committed }: { committed: boolean }): Key<T> {
  return { kind, description, committed };
}

function shorten(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 57)}...` : text);
}
