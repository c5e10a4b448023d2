import { resolve } from "node:path";
import { environment } from "../../config/environment.ts";
import type { Context } from "../../context.ts";
import { BallastError } from "../../errors.ts";
import { isOwnWorktree } from "../../git/own-worktree.ts";
import { openRepository, type Repository } from "../../git/repository.ts";
import { checkCommit } from "../../commands/check-commit.ts";
import { changedPaths } from "../../manifest/changed-paths.ts";
import { clearCaptured } from "../../worktree/captured.ts";
import { tellReplaced } from "../../worktree/replaced.ts";
import { settleQuietly } from "../../worktree/settle.ts";
import { waitFor, waitInBackground } from "../../worktree/waiter.ts";
import { writeProtect } from "../../worktree/write-protection.ts";

/**
 * What the shims in `hooks/` start: `hook <name> [the hook's own arguments]`.
 * @returns the exit status; not 0 makes Git refuse where it listens (pre-commit, pre-push)
 */
export async function run([name, ...args]: string[], makeContext: (repository: Repository) => Promise<Context>): Promise<number> {
  const repository = await openRepository(process.cwd());
  if (name !== "pre-push" && !(await isOwnWorktree(repository))) return 0;
  // Git runs its hooks at the top, and says where it was started.
  const cwd = resolve(repository.top, environment()["GIT_PREFIX"] ?? "");
  const context = { ...(await makeContext(repository)), cwd };
  switch (name) {
    case "pre-commit":
      await checkCommit(context);
      return 0;
    case "pre-push":
      return (await import("../../commands/pre-push.ts")).run(context, args);
    case "wait":
      await waitFor(repository, args.map(Number), async () => (await settleQuietly({ ...(await makeContext(repository)), cwd }, { final: true }))?.stamped !== false);
      return 0;
    case "post-commit":
      await bringUp(context);
      clearCaptured(context.repository);
      await protectCommitted(context);
      return 0;
    case "post-checkout":
    case "post-merge":
    case "post-rewrite":
      await bringUp(context);
      return 0;
    case "post-index-change":
      await bringUp(context);
      // Its first argument: whether Git has changed files, and not only looked at them.
      if (args[0] === "1") await tellReplaced(context);
      return 0;
    default:
      throw new BallastError("USAGE", `no such hook: ${name}`);
  }
}

async function bringUp(context: Context): Promise<void> {
  const settled = await settleQuietly(context);
  if (!settled) return;
  const { restored, removed, missing, stamped } = settled;
  if (missing.length > 0) {
    const [first] = missing;
    const others = missing.length === 1 ? "" : ` and ${missing.length - 1} more`;
    context.report({ kind: "warning", message: `not restored: ${first!.path}${others}: ${first!.why}`, hint: "git ballast checkout, once that is mended" });
  }
  if (restored.length + removed.length > 0) {
    context.report({ kind: "info", message: [count(restored.length, "restored"), count(removed.length, "removed")].filter(Boolean).join(", ") });
  }
  if (!stamped) waitInBackground(context.repository);
}

/** What was committed and is lockable is read-only from now on, unless its lock is held. */
async function protectCommitted(context: Context): Promise<void> {
  const paths: string[] = [];
  for await (const { path } of changedPaths(context.repository, ["-1", "HEAD"], context.signal)) paths.push(path);
  await writeProtect(context, paths);
}

function count(assets: number, what: string): string {
  return assets === 0 ? "" : `${assets} asset${assets === 1 ? "" : "s"} ${what}`;
}
