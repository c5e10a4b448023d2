import { BallastError } from "../errors.ts";
import { changeConfig, setGitConfig, unsetGitConfig } from "../git/config.ts";
import type { Repository } from "../git/repository.ts";
import { KEYS, parseValue, requireKey, type KeyName } from "./keys.ts";
import { IDENTITY_KEYS, readPin, committedIdentity, writePin } from "./pin.ts";
import { readCommitted } from "./read-committed.ts";
import { writeCommitted, type CommittedChanges } from "./write-committed.ts";

export type Place = "local" | "global" | "committed";

/**
 * Sets a setting, or with `value` undefined removes it, in `.git/config`, the user's Git configuration or the
 * committed file.
 * @throws USAGE for an unknown key, a value that is not valid, and what must not be set in that way
 */
export async function changeSetting(repository: Repository, { name, value, place }: { name: string; value: string | undefined; place: Place }): Promise<KeyName> {
  const key = requireKey(name);
  if (value !== undefined) parseValue(key, value, { where: "command line", code: "USAGE" });
  if (place === "committed") await changeCommitted(repository, key, value);
  else if (place === "global") await changeGlobal(repository, key, value);
  else if (value === undefined) await unsetGitConfig(repository, gitKey(key));
  else await setGitConfig(repository, gitKey(key), value);
  return key;
}

/** The setting's key in `git config`. */
export function gitKey(key: KeyName): string {
  return `ballast.${key}`;
}

/**
 * Keeps the store settings of a command line: what may be committed in the committed file, the rest in this clone, so
 * that hooks find it too.
 * @param all whether those that could be committed stay in this clone as well
 * @returns what belongs into the committed file
 */
export async function keepStoreFlags(repository: Repository, flags: Readonly<Record<string, string>>, { all }: { all: boolean }): Promise<CommittedChanges> {
  const committed: Partial<Record<KeyName, string>> = {};
  for (const [name, value] of Object.entries(flags)) {
    const key = requireKey(name);
    if (!key.startsWith("store.")) continue;
    if (!all && KEYS[key].committed) committed[key] = value;
    else await setGitConfig(repository, gitKey(key), value);
  }
  return committed;
}

async function changeCommitted(repository: Repository, key: KeyName, value: string | undefined): Promise<void> {
  if (key === "store.url" && readCommitted(repository).values.has("store.url")) {
    throw new BallastError("USAGE", "another store needs what this one holds", { hint: `git ballast store set ${value ?? "<url>"} copies it and then switches` });
  }
  const trusted = (await readPin(repository)) === committedIdentity(repository);
  writeCommitted(repository, { [key]: value });
  // Whoever changes it here trusts it; a change that came with a commit is still to be looked at.
  if (trusted && IDENTITY_KEYS.some((name) => name === key)) await writePin(repository);
}

async function changeGlobal(repository: Repository, key: KeyName, value: string | undefined): Promise<void> {
  if (value === undefined) await changeConfig(repository, ["--global", "--unset-all", gitKey(key)], [5]);
  else await changeConfig(repository, ["--global", "--replace-all", gitKey(key), value]);
}
