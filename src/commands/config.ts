import { mkdirSync } from "node:fs";
import { changeSetting, type Place } from "../config/change.ts";
import { environmentName, KEYS, KEY_NAMES, parseValue, requireKey, type KeyName } from "../config/keys.ts";
import { loadSettings, type Origin, type Sources } from "../config/load.ts";
import { readPin } from "../config/pin.ts";
import { fromSystemError } from "../errors.ts";
import { silent, type Report } from "../events.ts";
import type { Repository } from "../git/repository.ts";
import { initialiseSharedCache } from "../store/shared-cache.ts";

export interface Setting {
  readonly key: KeyName;
  /** The effective value as text; undefined when there is none. */
  readonly value: string | undefined;
  readonly origin: Origin;
  readonly description: string;
  /** The variable that sets it. */
  readonly env: string;
  /** Whether the committed file may set it. */
  readonly committed: boolean;
}

export interface ConfigResult {
  readonly settings: Setting[];
  /** The pinned store, or undefined. */
  readonly pin: string | undefined;
  readonly notes: string[];
}

export interface ConfigOptions {
  /** Shows or changes only this setting. */
  readonly name?: string | undefined;
  /** Sets it. */
  readonly value?: string | undefined;
  readonly unset: boolean;
  readonly place: Place;
}

/**
 * The settings in effect and where each comes from, after an optional change of one.
 * @throws USAGE, CONFIG_INVALID
 */
export async function config(repository: Repository, sources: Sources & { report?: Report }, options: ConfigOptions): Promise<ConfigResult> {
  const { name, value, unset, place } = options;
  const notes: string[] = [];
  const changes = name !== undefined && (value !== undefined || unset);
  if (name !== undefined && value !== undefined && !unset && place !== "committed" && requireKey(name) === "cache.dir") await makeSharedCache(value);
  if (changes) notes.push(...notesOn(await changeSetting(repository, { name, value: unset ? undefined : value, place }), place));
  const { origins, warnings } = await loadSettings(repository, sources);
  for (const message of warnings) (sources.report ?? silent)({ kind: "warning", message });
  const wanted = name === undefined ? KEY_NAMES : [requireKey(name)];
  const settings = wanted.map((key): Setting => ({ key, ...origins.get(key)!, description: KEYS[key].description, env: environmentName(key), committed: KEYS[key].committed }));
  if (changes && !unset && !isFrom(settings[0]!.origin, place)) notes.push(`${settings[0]!.key} is overridden by ${settings[0]!.origin}`);
  return { settings, pin: await readPin(repository), notes };
}

/** Naming the directory is the one moment to make it: one that is not there later is on a disk that is not mounted. */
async function makeSharedCache(value: string): Promise<void> {
  const directory = parseValue("cache.dir", value, { where: "command line", code: "USAGE" });
  try {
    mkdirSync(directory, { recursive: true });
  } catch (error) {
    throw fromSystemError(error, `cannot make ${directory}`);
  }
  await initialiseSharedCache(directory);
}

function isFrom(origin: Origin, place: Place): boolean {
  return origin === (place === "committed" ? ".ballast/config" : `git config (${place})`);
}

function notesOn(key: KeyName, place: Place): string[] {
  const notes: string[] = [];
  if (key === "git.live") notes.push("git ballast install puts this into effect in a clone");
  if (place === "committed") notes.push("commit .ballast/config to share this");
  return notes;
}
