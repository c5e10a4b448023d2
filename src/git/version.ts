import { BallastError } from "../errors.ts";
import { at, type Repository } from "./repository.ts";
import { gitText } from "./run.ts";

/**
 * The oldest Git that works: `post-index-change` came with 2.22, `sparse-checkout add` and `--pathspec-from-file` of
 * `rm` with 2.26, `fetch --stdin` and `--no-write-fetch-head` with 2.29; 2.30 is the oldest that is tested.
 */
export const GIT_FLOOR = [2, 30] as const;
export const GIT_HINT = "install Git 2.30 or later";

/** The version of the Git on the PATH, as `2.39.5`; undefined when it says something else. @throws GIT_FAILED */
export async function gitVersion(repository: Repository): Promise<string | undefined> {
  return /\d+\.\d+(?:\.\d+)?/.exec(await gitText(["--version"], at(repository)))?.[0];
}

/** @throws GIT_FAILED when Git is older than {@link GIT_FLOOR} */
export async function requireGit(repository: Repository): Promise<void> {
  const version = await gitVersion(repository);
  if (version === undefined || isAtLeast(version, GIT_FLOOR)) return;
  throw new BallastError("GIT_FAILED", `Git ${version} is too old: assets would not follow what it does`, { hint: GIT_HINT });
}

/** Whether a version is not older than another one. */
export function isAtLeast(version: string, [major, minor]: readonly [number, number]): boolean {
  const [a = 0, b = 0] = version.split(".").map(Number);
  return a > major || (a === major && b >= minor);
}
