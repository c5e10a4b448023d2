import { copyFileSync } from "node:fs";
import { join, resolve as resolvePath } from "node:path";
import type { Context } from "../context.ts";
import { BallastError } from "../errors.ts";
import { formatManifest, type Asset, type Manifest } from "../manifest/manifest.ts";
import { readConflicts, writeConflicts, type MergeConflict } from "../worktree/conflicts.ts";
import { hashContents, keepNow } from "../worktree/contents.ts";
import { stageManifest } from "../worktree/follow.ts";
import { observe, type Seen } from "../worktree/observe.ts";
import { restore } from "../worktree/restore.ts";
import { openWorktree, writeManifestFile, type Worktree } from "../worktree/session.ts";
import { selector } from "../worktree/tracking.ts";

export interface ResolveOptions {
  readonly paths: readonly string[];
  /** Ours: what this branch, or the disk, has. Theirs: what Git brought. Or the content of a file. */
  readonly take: "ours" | "theirs" | { readonly file: string };
}

/**
 * Settles assets in conflict. The content that is not taken is in a store before it is replaced.
 * @throws USAGE when no conflict matches
 */
export async function resolve(context: Context, { paths, take }: ResolveOptions): Promise<{ resolved: string[] }> {
  const { repository, cwd } = context;
  const select = selector(repository, cwd, paths);
  const merging = readConflicts(repository);
  const worktree = openWorktree(repository);
  const seen = await observe(worktree, { read: hashContents(context), candidates: [], select });
  const conflicts = [...merging.values()].filter(({ path }) => select(path));
  const edits = [...seen.values()].filter(({ state, path }) => state === "conflict" && !merging.has(path));
  if (conflicts.length + edits.length === 0) throw new BallastError("USAGE", `no asset in conflict matches ${paths.join(" ")}`, { hint: "git ballast status shows the conflicts" });

  const manifest: Manifest = new Map(worktree.manifest);
  for (const conflict of conflicts) await settleMerge(context, worktree, { manifest, conflict, seen: seen.get(conflict.path), take });
  for (const edit of edits) await settleEdit(context, worktree, edit, take);
  if (conflicts.length > 0) {
    for (const { path } of conflicts) merging.delete(path);
    writeManifestFile(repository, manifest.values());
    writeConflicts(repository, merging.values());
    if (merging.size === 0) await stageManifest(repository, formatManifest(manifest.values()));
  }
  await worktree.index.save();
  return { resolved: [...conflicts, ...edits].map(({ path }) => path) };
}

interface MergeStep {
  readonly manifest: Manifest;
  readonly conflict: MergeConflict;
  readonly seen: Seen | undefined;
  readonly take: ResolveOptions["take"];
}

async function settleMerge(context: Context, worktree: Worktree, { manifest, conflict, seen, take }: MergeStep): Promise<void> {
  const { path } = conflict;
  if (typeof take === "object") return useFile(context, worktree, path, take.file);
  const asset = take === "ours" ? conflict.ours : conflict.theirs;
  if (asset) manifest.set(path, asset);
  else manifest.delete(path);
  await bring(context, worktree, path, asset, seen);
}

async function settleEdit(context: Context, worktree: Worktree, edit: Seen, take: ResolveOptions["take"]): Promise<void> {
  const { path, m } = edit;
  if (typeof take === "object") await useFile(context, worktree, path, take.file);
  // Ours stays on disk, from now on as an edit of what Git has.
  else if (take === "ours") worktree.index.update(path, { b: m && { oid: m.oid, exec: m.exec } });
  else await bring(context, worktree, path, m, edit);
  worktree.index.update(path, { open: undefined });
}

async function bring(context: Context, worktree: Worktree, path: string, target: Asset | undefined, seen: Seen | undefined): Promise<void> {
  if (seen && seen.w !== undefined) await keepNow(context, [seen]);
  worktree.index.update(path, { open: undefined });
  const { missing } = await restore(context, worktree, [{ path, target, expect: seen?.stat }]);
  const [first] = missing;
  if (first) throw new BallastError("OBJECT_MISSING", `${path} is not resolved: ${first.why}`, { hint: "git ballast fetch, then resolve again" });
}

async function useFile(context: Context, worktree: Worktree, path: string, file: string): Promise<void> {
  const seen = (await observe(worktree, { read: hashContents(context), candidates: [path], select: (name) => name === path })).get(path);
  if (seen && seen.w !== undefined) await keepNow(context, [seen]);
  copyFileSync(resolvePath(context.cwd, file), join(context.repository.top, path));
}
