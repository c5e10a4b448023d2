import type { Context } from "../../context.ts";
import { BallastError } from "../../errors.ts";
import type { Asset } from "../../manifest/manifest.ts";
import { keepNow } from "../../worktree/contents.ts";
import type { Seen } from "../../worktree/observe.ts";
import { restore, SeenRestoration } from "../../worktree/restore.ts";
import type { Worktree } from "../../worktree/session.ts";
import { sameContent } from "../../worktree/states.ts";

/** What is to be at a path that was in conflict. */
export interface Bringing {
  readonly path: string;
  /** Undefined: nothing. */
  readonly target: Asset | undefined;
  readonly seen: Seen | undefined;
}

/**
 * Brings what was taken, all at once. What is replaced or removed is in a store first. From now on nothing is open at
 * these paths, and Git knows of what is there.
 * @throws OBJECT_MISSING for what cannot be had now; and what stores and {@link restore} throw
 */
export async function bringAll(context: Context, worktree: Worktree, list: readonly Bringing[]): Promise<void> {
  const { index } = worktree;
  const due: SeenRestoration[] = [];
  const replaced: Seen[] = [];
  for (const { path, target, seen } of list) {
    if (seen?.w !== undefined && sameContent(seen.w, target)) index.update(path, { open: undefined, b: { oid: target!.oid, exec: target!.exec } });
    else {
      index.update(path, { open: undefined });
      if (seen?.w !== undefined) replaced.push(seen);
      due.push(new SeenRestoration(path, target, seen));
    }
  }
  await keepNow(context, replaced);
  const { missing, archived } = await restore(context, worktree, due);
  const [first = archived[0]] = missing;
  if (first === undefined) return;
  const why = missing[0]?.why ?? "its content is archived";
  throw new BallastError("OBJECT_MISSING", `${first.path} is not resolved: ${why}`, { hint: "git ballast fetch, then resolve again" });
}
