import type { Context } from "../context.ts";
import type { Asset } from "../manifest/manifest.ts";
import { DirectoryCheck, type Seen } from "./observe.ts";
import { restore, type RestoreResult } from "./restore.ts";
import type { Worktree } from "./session.ts";

/**
 * Restores what a directory stood in the way of until the assets in it were removed, as between two versions of which one
 * has a file where the other has a directory.
 * @param first the restoration that removed them
 * @returns both together, and what something still stands in the way of
 */
export async function restoreFreed(context: Context, worktree: Worktree, seen: Iterable<Seen>, first: RestoreResult): Promise<{ result: RestoreResult; blocked: Asset[] }> {
  const blocked = [...seen].flatMap(({ state, m }) => (state === "blocked" && m !== undefined ? [m] : []));
  if (blocked.length === 0 || first.removed.length === 0) return { result: first, blocked };
  const directories = new DirectoryCheck(context.repository.top);
  const freed = new Set(blocked.filter(({ path }) => directories.lstat(path) === undefined));
  if (freed.size === 0) return { result: first, blocked };
  // Nobody deleted them; and what was restored so far is noted before there is more.
  for (const { path } of freed) worktree.index.update(path, { b: undefined });
  await worktree.index.save();
  const more = await restore(context, worktree, [...freed].map((target) => ({ path: target.path, target, expect: undefined })));
  const result = {
    restored: [...first.restored, ...more.restored],
    removed: first.removed,
    missing: [...first.missing, ...more.missing],
    archived: [...first.archived, ...more.archived],
    bytes: first.bytes + more.bytes,
  };
  return { result, blocked: blocked.filter((asset) => !freed.has(asset)) };
}
