import { closeSync, mkdirSync, openSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import type { Context } from "../context.ts";
import { installDrivers, uninstallDrivers } from "../git/drivers.ts";
import { installHooks, uninstallHooks, type HookAction } from "../git/hooks.ts";
import { worktreeState, type Repository } from "../git/repository.ts";
import { requireGit } from "../git/version.ts";

export interface InstallResult {
  readonly hooks: HookAction[];
  /** The keys or sections of `.git/config` that changed. */
  readonly config: string[];
  readonly notes: string[];
}

/**
 * Installs the hooks and the filter, diff and merge drivers in this clone; repeating it changes nothing.
 * @throws GIT_FAILED when Git is too old for them
 */
export async function install({ repository, settings }: Context): Promise<InstallResult> {
  await requireGit(repository);
  const hooks = await installHooks(repository);
  const config = await installDrivers(repository, settings.gitLive);
  markLive(repository, settings.gitLive);
  return { hooks, config, notes: [] };
}

/** Takes out of this clone what {@link install} put in. Assets and the store stay as they are. */
export async function uninstall({ repository }: Context): Promise<InstallResult> {
  const hooks = await uninstallHooks(repository);
  const config = await uninstallDrivers(repository);
  return { hooks, config, notes: ["assets, the manifest and the local store stay; git ballast install brings the hooks back"] };
}

/** Tells the pre-commit shim to start Ballast at every commit when no filter records. */
function markLive(repository: Repository, live: boolean): void {
  const file = worktreeState(repository, "not-live");
  if (live) return rmSync(file, { force: true });
  mkdirSync(dirname(file), { recursive: true });
  closeSync(openSync(file, "a"));
}
