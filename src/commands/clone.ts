import { existsSync } from "node:fs";
import { relative, resolve } from "node:path";
import { loadSettings, type Sources } from "../config/load.ts";
import { writePin } from "../config/pin.ts";
import type { Context } from "../context.ts";
import { BallastError, isBallastError } from "../errors.ts";
import { directoryOf } from "../git/clone-arguments.ts";
import { bringOwnFiles } from "../git/own-files.ts";
import { clone as gitClone } from "../git/porcelain.ts";
import { openRepository, type Repository } from "../git/repository.ts";
import { openRemoteStore } from "../store/open.ts";
import { manifestFile } from "../worktree/stamp.ts";
import { readManifestFile } from "../worktree/session.ts";
import { checkout } from "./checkout.ts";
import { installBeside } from "./install.ts";

export interface CloneOptions {
  readonly url: string;
  /** Default: the directory that Git would choose. */
  readonly directory?: string | undefined;
  /** Options for `git clone`, as the user wrote them. */
  readonly gitOptions: readonly string[];
}

export interface CloneResult {
  /** The new worktree, as an absolute path. */
  readonly directory: string;
  readonly restored: string[];
  readonly bytes: number;
  /** Assets that the store has archived. */
  readonly archived: string[];
  readonly notes: string[];
}

/**
 * Clones with Git, then installs the hooks, pins the store and restores every asset. What Git cloned stays when the
 * assets cannot be had, and works as a Git checkout; `git ballast checkout` finishes the work.
 * @param sources where settings come from, for the repository that is about to be
 * @throws USAGE, GIT_FAILED (nothing is left); STORE_UNREACHABLE, STORE_DENIED, OBJECT_MISSING and others that say
 *   what was not restored
 */
export async function clone(around: Pick<Context, "cwd" | "report" | "signal"> & { sources?: Sources }, options: CloneOptions): Promise<CloneResult> {
  const { cwd, report, signal } = around;
  const directory = options.directory ?? directoryOf(options.url);
  if (directory === undefined) throw new BallastError("USAGE", `${options.url} gives no name for the new directory`, { hint: "git ballast clone <url> <directory>" });
  const top = resolve(cwd, directory);
  await gitClone(cwd, options.url, directory, options.gitOptions, signal);
  const result: CloneResult = { directory: top, restored: [], bytes: 0, archived: [], notes: [] };
  const repository = await worktreeAt(top);
  if (repository === undefined) return { ...result, notes: ["a bare clone has no worktree: no asset was restored"] };
  await bringOwnFiles(repository);
  if (!existsSync(manifestFile(repository))) {
    return { ...result, notes: ["no asset was restored: what is checked out has no .ballast/manifest.jsonl; once a branch has one, git ballast checkout"] };
  }
  const { settings, warnings } = await loadSettings(repository, around.sources);
  for (const message of warnings) report({ kind: "warning", message });
  const context: Context = { repository, cwd: repository.top, settings, report, signal };
  const finish = `git -C ${quoted(relative(cwd, top) || ".")} ballast checkout`;
  await installBeside(context);
  await pinAndProbe(context, directory, finish);
  const { restored, bytes, missing, archived, notes } = await checkout(context, EVERYTHING);
  if (missing.length > 0) throw incomplete(directory, missing, finish, missing[0]!.code);
  return { ...result, restored, bytes, archived: archived.map(({ path }) => path), notes };
}

const EVERYTHING = { paths: [], force: false, all: false, include: [], exclude: [], restoreArchived: false, keepHooks: true, dryRun: false };

async function worktreeAt(top: string): Promise<Repository | undefined> {
  try {
    return await openRepository(top);
  } catch (error) {
    if (isBallastError(error, "NOT_A_REPOSITORY")) return undefined;
    throw error;
  }
}

/** Trusts the store that the clone came with, and makes sure that it answers before every asset is asked for. */
async function pinAndProbe(context: Context, directory: string, finish: string): Promise<void> {
  try {
    await writePin(context.repository);
    (await openRemoteStore(context)).close();
  } catch (error) {
    if (!isBallastError(error) || error.code === "INTERRUPTED") throw error;
    const assets = [...readManifestFile(context.repository).values()];
    if (assets.length === 0) return context.report({ kind: "warning", message: error.message, ...(error.hint ? { hint: error.hint } : {}) });
    const code = error.code === "STORE_MISSING" || error.code === "STORE_BUSY" ? "STORE_UNREACHABLE" : error.code;
    throw incomplete(directory, assets.map(({ path }) => ({ path, why: error.message })), finish, code, error);
  }
}

const SHOWN = 5;

function incomplete(directory: string, missing: readonly { path: string; why: string }[], finish: string, code: BallastError["code"], cause?: BallastError): BallastError {
  const count = `${missing.length} asset${missing.length === 1 ? " was" : "s were"}`;
  const lines = missing.slice(0, SHOWN).map(({ path, why }) => `\n  ${path}${cause ? "" : `: ${why}`}`);
  if (missing.length > SHOWN) lines.push(`\n  and ${missing.length - SHOWN} more`);
  const why = cause ? `: ${cause.message}` : "";
  const first = cause?.hint ? `${cause.hint}; then ` : "once that is mended: ";
  return new BallastError(code, `cloned into ${directory}, but ${count} not restored${why}${lines.join("")}`, {
    hint: `${first}${finish}`,
    ...(cause ? { cause } : {}),
  });
}

function quoted(path: string): string {
  return /^[\w./@+-]+$/.test(path) ? path : `'${path.replaceAll("'", `'\\''`)}'`;
}
