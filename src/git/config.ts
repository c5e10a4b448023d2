import { at, type Repository } from "./repository.ts";
import { runGit } from "./run.ts";

/** One line of Git's configuration. */
export interface ConfigEntry {
  /** Where it stands: `local`, `worktree`, `global`, `system`, `command`. */
  readonly scope: string;
  /** Section and name in lower case, the subsection as it was written. */
  readonly key: string;
  /** Undefined for a name without `=`, which Git takes for true. */
  readonly value: string | undefined;
}

const known = new WeakMap<Repository, Promise<readonly ConfigEntry[]>>();

/** All of Git's configuration, of several values of a key the last one counts. Asked for once; who writes it has it asked for again. */
export function configEntries(repository: Repository): Promise<readonly ConfigEntry[]> {
  let entries = known.get(repository);
  if (!entries) {
    entries = runGit(["config", "--null", "--show-scope", "--list"], at(repository)).then(({ stdout }) => parseEntries(stdout.toString()));
    // What failed is asked for again.
    entries.catch(() => forgetConfig(repository));
    known.set(repository, entries);
  }
  return entries;
}

/** Parses `scope NUL key LF value NUL` repeated. */
export function parseEntries(text: string): ConfigEntry[] {
  const fields = text.split("\0");
  const entries: ConfigEntry[] = [];
  for (let i = 0; i + 1 < fields.length; i += 2) {
    const entry = fields[i + 1]!;
    const feed = entry.indexOf("\n");
    entries.push({ scope: fields[i]!, key: feed < 0 ? entry : entry.slice(0, feed), value: feed < 0 ? undefined : entry.slice(feed + 1) });
  }
  return entries;
}

/** The value of a key as `git config --get` tells it, or undefined. */
export async function gitConfig(repository: Repository, key: string): Promise<string | undefined> {
  const entry = await find(repository, key);
  return entry && (entry.value ?? "");
}

/** Whether a key is true, as `git config --type=bool` reads it; false when it is not there. */
export async function gitFlag(repository: Repository, key: string): Promise<boolean> {
  const entry = await find(repository, key);
  return entry !== undefined && (entry.value === undefined || /^(true|yes|on|[+-]?0*[1-9]\d*)$/i.test(entry.value));
}

/** Sets a value in the repository's own `.git/config`. */
export async function setGitConfig(repository: Repository, key: string, value: string): Promise<void> {
  await changeConfig(repository, ["--local", "--replace-all", key, value]);
}

/** Removes a value from the repository's own `.git/config`; succeeds when it is not there. */
export async function unsetGitConfig(repository: Repository, key: string): Promise<void> {
  await changeConfig(repository, ["--local", "--unset-all", key], [5]);
}

/** `git config` with arguments that change something. @returns its exit status, 0 or one of `accept` */
export async function changeConfig(repository: Repository, args: readonly string[], accept: readonly number[] = []): Promise<number> {
  try {
    return (await runGit(["config", ...args], at(repository, { accept }))).status;
  } finally {
    forgetConfig(repository);
  }
}

async function find(repository: Repository, key: string): Promise<ConfigEntry | undefined> {
  const [, section, middle, name] = /^([^.]*)(\..*)?\.([^.]*)$/s.exec(key)!;
  const normal = `${section!.toLowerCase()}${middle ?? ""}.${name!.toLowerCase()}`;
  return (await configEntries(repository)).findLast((entry) => entry.key === normal);
}

function forgetConfig(repository: Repository): void {
  known.delete(repository);
}
