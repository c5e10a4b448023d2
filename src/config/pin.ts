import { BallastError } from "../errors.ts";
import { gitConfig, setGitConfig } from "../git/config.ts";
import type { Repository } from "../git/repository.ts";
import { KEYS, parseValue, type Key, type KeyName } from "./keys.ts";
import { readCommitted, type Committed } from "./read-committed.ts";
import type { Settings } from "./settings.ts";

/*
 * The store's identity is pinned in .git/config, where no commit can change it:
 *
 *   ballast.pin = <store URL> [SP <key>=<value>]…
 *
 * The keys are region, endpoint and pathStyle, in this order, each only when it is not the default. Blanks and percent
 * signs inside the values are percent-encoded. One identity has one such text, so that texts are compared.
 */
/** The keys that say where the objects are. */
export const IDENTITY_KEYS = ["store.url", "store.region", "store.endpoint", "store.pathStyle"] as const satisfies readonly KeyName[];
type IdentityKey = (typeof IDENTITY_KEYS)[number];
/** The values of an identity as text; a key with its default value is absent. */
export type Identity = ReadonlyMap<IdentityKey, string>;

export const PIN = "ballast.pin";

/** Where the objects of this repository are, as the committed file says: the text of a pin; undefined without a store. */
export function committedIdentity(repository: Repository): string | undefined {
  const identity = identityIn(readCommitted(repository));
  return identity.has("store.url") ? formatPin(identity) : undefined;
}

/**
 * What the pin says of the store where the worktree names none, as on a branch from before Ballast: the branches of one clone have
 * one store, and a push sends commits of others too. Empty where the committed file names a store, or nothing is pinned.
 */
export async function storeOfOtherBranches(repository: Repository, committed: Committed): Promise<Identity> {
  const pin = committed.values.has("store.url") ? undefined : await readPin(repository);
  return pin === undefined ? new Map() : parsePin(pin);
}

export async function readPin(repository: Repository): Promise<string | undefined> {
  return gitConfig(repository, PIN);
}

/** Pins what the committed file says now. @returns the pin, or undefined when the file names no store */
export async function writePin(repository: Repository): Promise<string | undefined> {
  const identity = committedIdentity(repository);
  if (identity !== undefined && (await readPin(repository)) !== identity) await setGitConfig(repository, PIN, identity);
  return identity;
}

/**
 * Makes sure that no commit has sent this clone to another store. Keys that the user set (command line, environment,
 * git config) are the user's own word and are not compared. Pins the store where nothing is pinned yet.
 * @returns the pin that was made just now, which the user should be told; undefined when there was one
 * @throws STORE_CHANGED naming both
 */
export async function checkPin(repository: Repository, settings: Settings): Promise<string | undefined> {
  const compared = IDENTITY_KEYS.filter((key) => !settings.ownStoreKeys.includes(key));
  if (compared.length === 0) return undefined;
  const pin = await readPin(repository);
  if (pin === undefined) return writePin(repository);
  const pinned = parsePin(pin);
  const committed = identityIn(readCommitted(repository));
  const changed = compared.filter((key) => pinned.get(key) !== committed.get(key));
  if (changed.length === 0) return undefined;
  const now = committed.has("store.url") ? formatPin(committed) : "none";
  throw new BallastError("STORE_CHANGED", `the committed store is ${now}, but this clone trusts ${pin}; git ballast trust accepts it`, {
    hint: "look at git log -p -- .ballast/config first; nothing is transferred until you accept it",
  });
}

function identityIn(committed: Committed): Identity {
  const identity = new Map<IdentityKey, string>();
  for (const key of IDENTITY_KEYS) {
    const text = committed.values.get(key);
    if (text === undefined) continue;
    // One spelling for one value, whatever the file's is.
    const value = (KEYS[key] as Key).kind.format(parseValue(key, text, { where: ".ballast/config", code: "CONFIG_INVALID" }));
    if (key !== "store.pathStyle" || value === "true") identity.set(key, value);
  }
  return identity;
}

function formatPin(identity: Identity): string {
  const words: string[] = [];
  for (const key of IDENTITY_KEYS) {
    const value = identity.get(key)?.replace(/[%\s]/g, (character) => encodeURIComponent(character));
    if (value !== undefined) words.push(key === "store.url" ? value : `${key.slice("store.".length)}=${value}`);
  }
  return words.join(" ");
}

function parsePin(pin: string): Identity {
  const [url, ...words] = pin.split(" ").map(decode);
  const identity = new Map<IdentityKey, string>([["store.url", url!]]);
  for (const word of words) {
    const equals = word.indexOf("=");
    const key = IDENTITY_KEYS.find((name) => name === `store.${word.slice(0, equals)}`);
    if (key) identity.set(key, word.slice(equals + 1));
  }
  return identity;
}

function decode(word: string): string {
  try {
    return decodeURIComponent(word);
  } catch {
    return word;
  }
}
