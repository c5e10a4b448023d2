import type { Repository } from "../git/repository.ts";
import { environment, type Environment } from "./environment.ts";
import { readGitSettings, type GitSetting, type Scope } from "./git-settings.ts";
import { environmentName, KEYS, KEY_NAMES, parseValue, requireKey, type Key, type KeyName, type Values } from "./keys.ts";
import { storeOfOtherBranches } from "./pin.ts";
import { readCommitted } from "./read-committed.ts";
import { DEFAULTS, type Settings } from "./settings.ts";

/** Where a value comes from, from the strongest to the weakest. */
export type Origin = "flag" | `env ${string}` | `git config (${Scope})` | ".ballast/config" | "ballast.pin" | "default";

export interface Sources {
  /** Settings of the command line, by key: `--set key=value` and the options that stand for a key. */
  readonly flags?: Readonly<Record<string, string>> | undefined;
  readonly env?: Environment | undefined;
}

export interface Loaded {
  readonly settings: Settings;
  /** Every key with its effective value as text (undefined: none) and where that comes from. */
  readonly origins: ReadonlyMap<KeyName, { readonly value: string | undefined; readonly origin: Origin }>;
  /** About entries of the committed file that were not obeyed. */
  readonly warnings: readonly string[];
}

/**
 * The settings in effect: command line, then `BALLAST_*`, then `git config ballast.*`, then `.ballast/config`, then
 * defaults. Where `.ballast/config` names no store, it is the one that this clone trusts. `AWS_*` is left to the AWS SDK.
 * @throws USAGE for the command line, CONFIG_INVALID for anything else that is not valid
 */
export async function loadSettings(repository: Repository, { flags = {}, env = environment() }: Sources = {}): Promise<Loaded> {
  const committed = readCommitted(repository);
  const pinned = await storeOfOtherBranches(repository, committed);
  return resolveSettings({ flags, env, git: await readGitSettings(repository), committed: committed.values, pinned, warnings: committed.warnings });
}

export interface RawSources {
  readonly flags: Readonly<Record<string, string>>;
  readonly env: Environment;
  readonly git: ReadonlyMap<KeyName, GitSetting>;
  readonly committed: ReadonlyMap<KeyName, string>;
  /** The store that this clone trusts, where `committed` names none. */
  readonly pinned?: ReadonlyMap<KeyName, string> | undefined;
  readonly warnings: readonly string[];
}

/** Puts the sources together. */
export function resolveSettings({ flags, env, git, committed, pinned, warnings }: RawSources): Loaded {
  const byFlag = new Map(Object.entries(flags).map(([name, value]) => [requireKey(name), value]));
  const values: Partial<Record<KeyName, unknown>> = {};
  const origins = new Map<KeyName, { value: string | undefined; origin: Origin }>();
  for (const name of KEY_NAMES) {
    const found = find(name, { byFlag, env, git, committed, pinned });
    if (found === undefined) {
      origins.set(name, { value: defaultText(name), origin: "default" });
      continue;
    }
    const { text, origin } = found;
    const value = parseValue(name, text, { where: describe(origin), code: origin === "flag" ? "USAGE" : "CONFIG_INVALID" });
    values[name] = value;
    origins.set(name, { value: (KEYS[name] as Key).kind.format(value), origin });
  }
  return { settings: toSettings(values as Values, origins), origins, warnings };
}

type Found = { text: string; origin: Origin } | undefined;

function find(name: KeyName, { byFlag, env, git, committed, pinned }: Pick<RawSources, "env" | "git" | "committed" | "pinned"> & { byFlag: ReadonlyMap<KeyName, string> }): Found {
  const flag = byFlag.get(name);
  if (flag !== undefined) return { text: flag, origin: "flag" };
  const variable = environmentName(name);
  const fromEnvironment = env[variable];
  // As elsewhere, a variable that is set to nothing is not set.
  if (fromEnvironment !== undefined && fromEnvironment !== "") return { text: fromEnvironment, origin: `env ${variable}` };
  const fromGit = git.get(name);
  if (fromGit !== undefined) return { text: fromGit.value, origin: `git config (${fromGit.scope})` };
  const fromFile = committed.get(name);
  if (fromFile !== undefined) return { text: fromFile, origin: ".ballast/config" };
  const trusted = pinned?.get(name);
  return trusted === undefined ? undefined : { text: trusted, origin: "ballast.pin" };
}

function describe(origin: Origin): string {
  if (origin === "flag") return "command line";
  return origin.startsWith("env ") ? origin.slice(4) : origin;
}

function toSettings(values: Values, origins: Loaded["origins"]): Settings {
  const { s3, compression, delta, cache, cleanup } = DEFAULTS;
  const shared = new Set<Origin>([".ballast/config", "default"]);
  return {
    storeUrl: values["store.url"] ?? DEFAULTS.storeUrl,
    ownStoreKeys: KEY_NAMES.filter((name) => name.startsWith("store.") && !shared.has(origins.get(name)!.origin)),
    s3: {
      region: values["store.region"] ?? s3.region,
      profile: values["store.profile"] ?? s3.profile,
      endpoint: values["store.endpoint"] ?? s3.endpoint,
      pathStyle: values["store.pathStyle"] ?? s3.pathStyle,
      noSignRequest: values["store.noSignRequest"] ?? s3.noSignRequest,
      sse: values["store.sse"] ?? s3.sse,
      sseKmsKeyId: values["store.sseKmsKeyId"] ?? s3.sseKmsKeyId,
      storageClass: values["store.storageClass"] ?? s3.storageClass,
      requesterPays: values["store.requesterPays"] ?? s3.requesterPays,
      accelerate: values["store.accelerate"] ?? s3.accelerate,
      stallTimeoutMs: values["store.stallTimeout"] ?? s3.stallTimeoutMs,
      attempts: values["store.attempts"] ?? s3.attempts,
      partSizeBytes: values["store.partSize"] ?? s3.partSizeBytes,
      uploadExpiryMs: values["store.uploadExpiry"] ?? s3.uploadExpiryMs,
    },
    compression: {
      mode: values["compression.mode"] ?? compression.mode,
      level: values["compression.level"] ?? compression.level,
      engine: values["compression.engine"] ?? compression.engine,
    },
    delta: {
      mode: values["delta.mode"] ?? delta.mode,
      maxRatio: values["delta.maxRatio"] ?? delta.maxRatio,
      maxDepth: values["delta.maxDepth"] ?? delta.maxDepth,
      exclude: values["delta.exclude"] ?? delta.exclude,
    },
    concurrency: values["concurrency"] ?? DEFAULTS.concurrency,
    locksVerify: values["locks.verify"] ?? DEFAULTS.locksVerify,
    cache: { dir: values["cache.dir"] ?? cache.dir, limitBytes: values["cache.limit"] ?? cache.limitBytes, recentMs: values["cache.recent"] ?? cache.recentMs, auto: values["cache.auto"] ?? cache.auto },
    cleanup: { graceMs: values["cleanup.grace"] ?? cleanup.graceMs, delayMs: values["cleanup.delay"] ?? cleanup.delayMs },
    fetch: { include: values["fetch.include"] ?? DEFAULTS.fetch.include, exclude: values["fetch.exclude"] ?? DEFAULTS.fetch.exclude },
    conflictStrategy: values["conflict.strategy"] ?? DEFAULTS.conflictStrategy,
    gitLive: values["git.live"] ?? DEFAULTS.gitLive,
  };
}

/** The default of a key as text, or undefined when it has none. */
export function defaultText(name: KeyName): string | undefined {
  const { s3, compression, delta, cache, cleanup } = DEFAULTS;
  const values: Record<KeyName, unknown> = {
    "store.url": DEFAULTS.storeUrl,
    "store.region": s3.region,
    "store.endpoint": s3.endpoint,
    "store.pathStyle": s3.pathStyle,
    "store.noSignRequest": s3.noSignRequest,
    "store.sse": s3.sse,
    "store.sseKmsKeyId": s3.sseKmsKeyId,
    "store.storageClass": s3.storageClass,
    "store.accelerate": s3.accelerate,
    "store.profile": s3.profile,
    "store.requesterPays": s3.requesterPays,
    "store.stallTimeout": s3.stallTimeoutMs,
    "store.attempts": s3.attempts,
    "store.partSize": s3.partSizeBytes,
    "store.uploadExpiry": s3.uploadExpiryMs,
    "compression.mode": compression.mode,
    "compression.level": compression.level,
    "compression.engine": compression.engine,
    "delta.mode": delta.mode,
    "delta.maxRatio": delta.maxRatio,
    "delta.maxDepth": delta.maxDepth,
    "delta.exclude": delta.exclude.length === 0 ? undefined : delta.exclude,
    concurrency: DEFAULTS.concurrency,
    "cache.dir": cache.dir,
    "cache.limit": cache.limitBytes,
    "cache.auto": cache.auto,
    "cache.recent": cache.recentMs,
    "cleanup.grace": cleanup.graceMs,
    "cleanup.delay": cleanup.delayMs,
    "locks.verify": DEFAULTS.locksVerify,
    "fetch.include": DEFAULTS.fetch.include.length === 0 ? undefined : DEFAULTS.fetch.include,
    "fetch.exclude": DEFAULTS.fetch.exclude.length === 0 ? undefined : DEFAULTS.fetch.exclude,
    "conflict.strategy": DEFAULTS.conflictStrategy,
    "git.live": DEFAULTS.gitLive,
  };
  return values[name] === undefined ? undefined : (KEYS[name] as Key).kind.format(values[name]);
}
