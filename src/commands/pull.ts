import type { Context } from "../context.ts";
import { pull as gitPull } from "../git/porcelain.ts";
import { checkout, type CheckoutResult } from "./checkout.ts";

/**
 * `git pull` with the given arguments, then restores what it made stale or brought: the hooks do that too, where they
 * are installed.
 * @throws GIT_FAILED when the pull fails or stops at a conflict; what checkout throws
 */
export async function pull(context: Context, { args }: { args: readonly string[] }): Promise<CheckoutResult> {
  await gitPull(context.cwd, args, context.signal);
  return checkout(context, { paths: [], force: false, all: false, include: [], exclude: [], restoreArchived: false, dryRun: false });
}
