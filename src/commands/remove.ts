import type { Context } from "../context.ts";
import { BallastError } from "../errors.ts";
import { comparePaths } from "../manifest/path.ts";
import type { Asset } from "../manifest/manifest.ts";
import type { KeptObject, Purged } from "../transfer/purge.ts";
import { worktreeState } from "../git/repository.ts";
import { collectGarbage } from "../util/collect-garbage.ts";
import { withLock } from "../util/lock.ts";
import { storeContents } from "../worktree/contents.ts";
import { rereadEntry } from "../worktree/follow.ts";
import { observe } from "../worktree/observe.ts";
import { restore } from "../worktree/restore.ts";
import { openWorktree, readManifestFile, writeManifestFile, type Worktree } from "../worktree/session.ts";
import { settle } from "../worktree/settle.ts";
import { listTracked, patternFor, readTracking, tracking, writePatterns } from "../worktree/tracking.ts";
import { untrack } from "../worktree/untrack.ts";

export interface RemoveOptions {
  /** Paths, directories and globs, as in every command. */
  readonly paths: readonly string[];
  /** Also removes the files, once their content is in a store. */
  readonly delete: boolean;
  /** Also removes the objects that nothing needs any more. */
  readonly purge: boolean;
  readonly dryRun: boolean;
}

export interface RemoveResult {
  /** Assets that left the manifest, and files that would have become assets. */
  readonly removed: string[];
  /** Files that were removed from disk. */
  readonly deleted: string[];
  /** The lines that left the block in `.gitignore`, and those that came into it. */
  readonly patterns: { removed: string[]; added: string[] };
  readonly purged: Purged[];
  /** Objects that were not purged, and why. */
  readonly kept: KeptObject[];
  readonly notes: string[];
}

/**
 * Stops tracking: assets leave the manifest and their patterns the block; the files stay, and Git sees them again.
 * @throws USAGE when nothing matches or the block cannot say it, CONFLICT; what stores throw, with `purge`
 */
export async function remove(context: Context, options: RemoveOptions): Promise<RemoveResult> {
  const { result, leaving, staying } = await stopTracking(context, options);
  if (!options.purge) return result;
  // The worktree, as it was looked at.
  collectGarbage(leaving.length + staying.length);
  const { purge } = await import("../transfer/purge.ts");
  return { ...result, ...(await purge(context, leaving, { manifest: staying, dryRun: options.dryRun })) };
}

interface Stopped {
  readonly result: RemoveResult;
  readonly leaving: readonly Asset[];
  readonly staying: readonly Asset[];
}

async function stopTracking(context: Context, { paths, delete: deleteFiles, dryRun }: RemoveOptions): Promise<Stopped> {
  const { repository, cwd } = context;
  if (paths.length === 0) throw new BallastError("USAGE", "remove needs a path, a directory or a pattern", { hint: "git ballast ls shows what is tracked" });
  await settle(context);
  const worktree = openWorktree(repository);
  const removals = paths.map((argument) => patternFor(repository, cwd, argument));
  const select = tracking(removals).matches;
  const assets = [...worktree.manifest.values()];
  const leaving = assets.filter(({ path }) => select(path));
  const fresh = (await listTracked(repository, worktree.tracking.patterns)).filter((path) => select(path) && !worktree.manifest.has(path));
  const gone = [...leaving.map(({ path }) => path), ...fresh].sort(comparePaths);
  const staying = assets.filter(({ path }) => !select(path));
  const patterns = untrack(worktree.tracking.patterns, removals, gone, staying.map(({ path }) => path));
  const change = difference(worktree.tracking.patterns, patterns);
  if (gone.length === 0 && change.removed.length === 0) {
    throw new BallastError("USAGE", `no asset and no pattern matches ${paths.join(" ")}`, { hint: "git ballast ls shows the assets" });
  }
  const result: RemoveResult = { removed: gone, deleted: [], patterns: change, purged: [], kept: [], notes: [] };
  if (dryRun) return { result: deleteFiles ? { ...result, deleted: leaving.map(({ path }) => path) } : result, leaving, staying };
  const deleted = await leave(context, worktree, { leaving, removals, gone, deleteFiles });
  const kept = deleteFiles ? leaving.length - deleted.length : 0;
  const notes = kept > 0 ? [`${kept} file${kept === 1 ? " was" : "s were"} not there to be removed, or changed in this moment and stay`] : [];
  return { result: { ...result, deleted, notes }, leaving, staying };
}

interface Leave {
  readonly leaving: readonly Asset[];
  /** The patterns of what was asked for, and the paths that they match now. */
  readonly removals: readonly string[];
  readonly gone: readonly string[];
  readonly deleteFiles: boolean;
}

/** Takes the assets out of the block, the manifest and the index; returns the files that were removed from disk. */
async function leave(context: Context, worktree: Worktree, { leaving, removals, gone, deleteFiles }: Leave): Promise<string[]> {
  const { repository, index } = worktree;
  const paths = new Set(leaving.map(({ path }) => path));
  // Also an edit that was never recorded is in the local store before its file goes.
  const seen = deleteFiles ? await observe(worktree, { read: storeContents(context), candidates: [], select: (path) => paths.has(path) }) : undefined;
  // Another command may have changed the patterns or the manifest since they were read: ours is taken out of that.
  await withLock(worktreeState(repository, "track"), () => {
    const staying = [...readManifestFile(repository).values()].filter(({ path }) => !paths.has(path));
    writePatterns(repository, untrack(readTracking(repository).patterns, removals, gone, staying.map(({ path }) => path)));
    if (paths.size > 0) writeManifestFile(repository, staying);
  });
  if (paths.size > 0) await rereadEntry(repository);
  const doomed = [...(seen?.values() ?? [])].filter(({ stat }) => stat !== undefined);
  const { removed } = await restore(context, worktree, doomed.map(({ path, stat }) => ({ path, target: undefined, expect: stat })));
  for (const path of paths) index.set(path, undefined);
  await index.save();
  return removed;
}

function difference(before: readonly string[], after: readonly string[]): RemoveResult["patterns"] {
  return { removed: before.filter((line) => !after.includes(line)), added: after.filter((line) => !before.includes(line)) };
}
