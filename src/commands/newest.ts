import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Context } from "../context.ts";
import { commitIds } from "../git/commits.ts";
import { assetHistory } from "../manifest/history.ts";
import { sameAsset, type Asset } from "../manifest/manifest.ts";
import type { MergeConflict } from "../worktree/conflicts.ts";
import type { Seen } from "../worktree/observe.ts";

/** The commits that Git is bringing in while it stops at a conflict, in the Git directory. */
const THEIR_HEADS = ["MERGE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD", "REBASE_HEAD"];

/**
 * Which side of a merge's conflict was committed last, by the committers' dates of the versions; undefined when that
 * cannot be told, or when both are of the same second.
 */
export async function newestSide(context: Context, conflict: MergeConflict): Promise<"ours" | "theirs" | undefined> {
  const { path, ours, theirs, renamed } = conflict;
  const [mine, other] = await commitIds(context.repository, sidesOf(context, conflict));
  if (mine === undefined || other === undefined) return undefined;
  // Of what was renamed apart, the rename that was committed last.
  if (renamed) return later(await dateOf(context, renamed.ours, mine, ours ?? theirs), await dateOf(context, renamed.theirs, other, theirs ?? ours));
  return later(await dateOf(context, path, mine, ours), await dateOf(context, path, other, theirs));
}

/** The revisions that the two sides come from. Where one has another version than the conflict, no date is told. */
function sidesOf({ repository }: Context, { head }: MergeConflict): [ours: string, theirs: string] {
  // Markers that somebody committed are those of a merge, if it is one.
  if (head !== undefined) return [`${head}^1`, `${head}^2`];
  // No head is there when a stash met another version: Git keeps that stash.
  return ["HEAD", THEIR_HEADS.find((name) => existsSync(join(repository.gitDir, name))) ?? "refs/stash"];
}

/**
 * Whether an edit on disk or what Git brought is newer. The edit is in no commit, so it is of the time at which its
 * file was last written.
 */
export async function newestOfEdit(context: Context, { path, m, stat }: Seen): Promise<"ours" | "theirs" | undefined> {
  return later(stat && Number(stat.mtimeNs / 1_000_000n), await dateOf(context, path, "HEAD", m));
}

function later(ours: number | undefined, theirs: number | undefined): "ours" | "theirs" | undefined {
  if (ours === undefined || theirs === undefined || ours === theirs) return undefined;
  return ours > theirs ? "ours" : "theirs";
}

/** When the version that a side has was committed, in milliseconds since 1970; undefined when that side has another one. */
async function dateOf({ repository, signal }: Context, path: string, revision: string, asset: Asset | undefined): Promise<number | undefined> {
  for await (const entry of assetHistory(repository, path, [revision], signal)) {
    return sameAsset(entry.asset, asset) ? Date.parse(entry.committedAt) : undefined;
  }
  return undefined;
}
