import { closeSync, mkdirSync, openSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import type { Context } from "../context.ts";
import { isBallastError } from "../errors.ts";
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
 * @throws GIT_FAILED when Git is too old for them; FILE_DENIED when there can be no hooks
 */
export async function install({ repository, settings }: Context): Promise<InstallResult> {
  await requireGit(repository);
  // The drivers first: Git sees edits also where there can be no hooks.
  const config = await installDrivers(repository, settings.gitLive);
  markLive(repository, settings.gitLive);
  const hooks = await installHooks(repository);
  return { hooks, config, notes: [] };
}

/** As {@link install}, for commands that have other work to do: that there can be no hooks is a warning. */
export async function installBeside(context: Context): Promise<HookAction[]> {
  try {
    return (await install(context)).hooks;
  } catch (error) {
    if (!isBallastError(error, "FILE_DENIED")) throw error;
    context.report({ kind: "warning", message: error.message, ...(error.hint ? { hint: error.hint } : {}) });
    return [];
  }
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
