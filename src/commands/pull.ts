import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Strategy } from "../config/settings.ts";
import type { Context } from "../context.ts";
import { isBallastError } from "../errors.ts";
import { pull as gitPull } from "../git/porcelain.ts";
import { at } from "../git/repository.ts";
import { gitText, runGit } from "../git/run.ts";
import { checkout, type CheckoutOptions, type CheckoutResult } from "./checkout.ts";
import type { ResolveResult } from "./resolve.ts";

export interface PullOptions {
  /** Arguments of `git pull`. */
  readonly args: readonly string[];
  /** How assets in conflict are settled; default: `conflict.strategy`. */
  readonly strategy?: Strategy | undefined;
}

/**
 * `git pull` with the given arguments, then restores what it made stale or brought: the hooks do that too, where they
 * are installed. Where the pull stops at conflicts of assets and the strategy settles them all, the merge or rebase is
 * concluded.
 * @throws GIT_FAILED when the pull fails or stops at a conflict that the strategy does not settle; what checkout throws
 */
export async function pull(context: Context, { args, strategy = context.settings.conflictStrategy }: PullOptions): Promise<CheckoutResult> {
  const options: CheckoutOptions = { paths: [], force: false, all: false, include: [], exclude: [], restoreArchived: false, strategy, dryRun: false };
  try {
    await gitPull(context.cwd, args, context.signal);
  } catch (error) {
    if (!isBallastError(error, "GIT_FAILED") || strategy === "manual" || !(await isUnmerged(context))) throw error;
    return conclude(context, options, error);
  }
  return checkout(context, options);
}

/** Settles and goes on for as long as that leads to another conflict of assets alone; a rebase may stop at each commit. */
async function conclude(context: Context, options: CheckoutOptions, stopped: unknown): Promise<CheckoutResult> {
  const [restored, resolved, kept, fromGit]: [string[], string[], ResolveResult["kept"], string[]] = [[], [], [], []];
  let bytes = 0;
  for (let open = true; ; ) {
    const result = await checkout(context, options);
    restored.push(...result.restored);
    resolved.push(...(result.conflicts?.resolved ?? []));
    kept.push(...(result.conflicts?.kept ?? []));
    fromGit.push(...(result.conflicts?.fromGit ?? []));
    bytes += result.bytes;
    if (!open) return { ...result, restored, bytes, conflicts: { resolved, kept, fromGit, undecided: [] } };
    if (await isUnmerged(context)) {
      for (const path of resolved) context.report({ kind: "info", message: `resolved ${path}` });
      throw stopped;
    }
    open = await goOn(context);
  }
}

/** Commits the merge, or goes on with the rebase. @returns whether that stopped at conflicts again */
async function goOn(context: Context): Promise<boolean> {
  const { repository } = context;
  const has = (name: string): boolean => existsSync(join(repository.gitDir, name));
  const rebasing = has("rebase-merge") || has("rebase-apply");
  if (!rebasing && !has("MERGE_HEAD")) return false;
  const args = rebasing ? ["rebase", "--continue"] : ["commit", "--quiet", "--no-edit"];
  try {
    await runGit(args, at(repository, { env: { GIT_EDITOR: "true" } }));
    return false;
  } catch (error) {
    if (await isUnmerged(context)) return true;
    throw error;
  }
}

async function isUnmerged({ repository }: Context): Promise<boolean> {
  return (await gitText(["ls-files", "--unmerged"], at(repository))) !== "";
}
