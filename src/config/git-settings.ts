import { at, type Repository } from "../git/repository.ts";
import { runGit } from "../git/run.ts";
import { findKey, type KeyName } from "./keys.ts";

export type Scope = "local" | "worktree" | "global" | "system" | "command";

export interface GitSetting {
  readonly value: string;
  readonly scope: Scope;
}

/** The `ballast.*` entries of `git config` that are settings; the last value of a key counts, as for Git. One process. */
export async function readGitSettings(repository: Repository): Promise<Map<KeyName, GitSetting>> {
  const { status, stdout } = await runGit(["config", "--null", "--show-scope", "--get-regexp", "^ballast\\."], at(repository, { accept: [1] }));
  return status === 0 ? parseGitSettings(stdout.toString()) : new Map();
}

/** Parses `scope NUL key LF value NUL` repeated; a key without a value is true. */
export function parseGitSettings(text: string): Map<KeyName, GitSetting> {
  const settings = new Map<KeyName, GitSetting>();
  const fields = text.split("\0");
  for (let i = 0; i + 1 < fields.length; i += 2) {
    const entry = fields[i + 1]!;
    const feed = entry.indexOf("\n");
    const name = findKey((feed < 0 ? entry : entry.slice(0, feed)).slice("ballast.".length));
    if (name === undefined) continue;
    settings.set(name, { value: feed < 0 ? "true" : entry.slice(feed + 1), scope: fields[i] as Scope });
  }
  return settings;
}
