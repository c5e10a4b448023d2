import { configEntries, type ConfigEntry } from "../git/config.ts";
import type { Repository } from "../git/repository.ts";
import { findKey, type KeyName } from "./keys.ts";

export type Scope = "local" | "worktree" | "global" | "system" | "command";

export interface GitSetting {
  readonly value: string;
  readonly scope: Scope;
}

export async function readGitSettings(repository: Repository): Promise<Map<KeyName, GitSetting>> {
  return gitSettings(await configEntries(repository));
}

/** The `ballast.*` entries of Git's configuration that are settings; the last value of a key counts, as for Git. */
export function gitSettings(entries: readonly ConfigEntry[]): Map<KeyName, GitSetting> {
  const settings = new Map<KeyName, GitSetting>();
  for (const { scope, key, value = "true" } of entries) {
    const name = key.startsWith("ballast.") ? findKey(key.slice("ballast.".length)) : undefined;
    if (name !== undefined) settings.set(name, { value, scope: scope as Scope });
  }
  return settings;
}
