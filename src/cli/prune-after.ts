import { spawn } from "node:child_process";
import { mkdirSync, statSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import type { Environment } from "../config/environment.ts";
import type { Context } from "../context.ts";
import { sharedState } from "../git/repository.ts";
import { mainProgram } from "../util/package-root.ts";

/** Looking through the local store, and asking the remote one, is not worth it more often. */
const PAUSE_MS = 3600 * 1000;

/** What Git tells its hooks of the place where they run. */
const PLACES = ["GIT_DIR", "GIT_WORK_TREE", "GIT_COMMON_DIR", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_QUARANTINE_PATH"];

/** Whether runs that moved objects are followed by a prune, where there is more than the limit. */
export function isPrunedAfter({ settings: { cache } }: Pick<Context, "settings">): boolean {
  return cache.auto && cache.limitBytes !== undefined;
}

/**
 * Starts `git ballast prune --auto` in the background, as Git starts `git gc --auto`; once an hour for a repository. Nothing
 * waits for it, and nothing that goes wrong with it fails the run.
 */
export function pruneAfter({ repository }: Pick<Context, "repository">, env: Environment, nowMs: number): void {
  const note = sharedState(repository, "pruned");
  try {
    const beforeMs = statSync(note, { throwIfNoEntry: false })?.mtimeMs ?? 0;
    if (nowMs - beforeMs < PAUSE_MS && beforeMs <= nowMs) return;
    mkdirSync(dirname(note), { recursive: true });
    writeFileSync(note, "");
    const child = spawn(process.execPath, [mainProgram(), "prune", "--auto", "--quiet"], {
      cwd: repository.top,
      env: { ...env, ...Object.fromEntries(PLACES.map((name) => [name, undefined])) },
      detached: true,
      stdio: "ignore",
    });
    child.on("error", () => {});
    child.unref();
  } catch {
    // The next run tries again.
  }
}
