import { existsSync } from "node:fs";
import { join } from "node:path";
import { hasPushHook } from "../git/hooks.ts";
import { CONFIG_PATH, type Repository } from "../git/repository.ts";

/** What to know of a clone that has none of our hooks: a plain `git clone` installs none, nor does `track` before `init`. */
export async function noteOfHooks(repository: Repository): Promise<string[]> {
  if (await hasPushHook(repository)) return [];
  const command = existsSync(join(repository.top, CONFIG_PATH)) ? "git ballast install" : "git ballast init s3://bucket/prefix";
  return [`this clone has no hooks of Ballast: no push uploads assets, and they do not follow when Git moves; ${command}`];
}
