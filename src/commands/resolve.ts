import { relative, resolve as resolvePath } from "node:path";
import type { Strategy } from "../config/settings.ts";
import type { Context } from "../context.ts";
import { BallastError } from "../errors.ts";
import { worktreeState } from "../git/repository.ts";
import { takeOutOfGit, trackedFiles } from "../git/tracked-files.ts";
import { formatManifest, type Asset } from "../manifest/manifest.ts";
import { inTheWayOf } from "../manifest/place.ts";
import type { Oid } from "../object/oid.ts";
import { withLock } from "../util/lock.ts";
import { lstatIfThere } from "../util/lstat-if-there.ts";
import { readConflicts, removeBeside, writeConflicts, type MergeConflict } from "../worktree/conflicts.ts";
import { hashContents, keepNow, storeContents } from "../worktree/contents.ts";
import { rereadEntry, stageManifest } from "../worktree/follow.ts";
import { observe, type ReadContent, type Seen } from "../worktree/observe.ts";
import { outsideProfile } from "../worktree/profile.ts";
import { restore } from "../worktree/restore.ts";
import { openWorktree, readManifestFile, writeManifestFile, type Worktree } from "../worktree/session.ts";
import { understandMarkers } from "../worktree/settle.ts";
import { sameContent } from "../worktree/states.ts";
import { selector } from "../worktree/tracking.ts";
import { newestOfEdit, newestSide } from "./newest.ts";

/** Ours: what this branch, or the disk, has. Theirs: what Git brought. Newest: by date. Or the content of a file. */
export type Take = Exclude<Strategy, "manual"> | { readonly file: string };

export interface ResolveResult {
  readonly resolved: string[];
  /** The contents that were not taken: `git ballast show <oid>` gives each back. */
  readonly kept: { path: string; oid: Oid }[];
  /** Files that Git has as well, since the other side of a merge had committed them to it: they leave Git with the next commit. */
  readonly fromGit: string[];
  /** Left in conflict, since nobody can tell which side is newer. */
  readonly undecided: string[];
}

/**
 * Settles assets in conflict. The content that is not taken is in a store before it is replaced.
 * @throws USAGE when no conflict matches
 */
export async function resolve(context: Context, { paths, take }: { readonly paths: readonly string[]; readonly take: Take }): Promise<ResolveResult> {
  const result = await resolveAll(context, { paths, take });
  if (result.resolved.length + result.undecided.length > 0) return result;
  throw new BallastError("USAGE", `no asset in conflict matches ${paths.join(" ")}`, { hint: "git ballast status shows the conflicts" });
}

/** As {@link resolve}; that nothing is in conflict is no error. @param options.paths all when empty */
export async function resolveAll(context: Context, { paths, take }: { readonly paths: readonly string[]; readonly take: Take }): Promise<ResolveResult> {
  const { repository, cwd } = context;
  const result: ResolveResult = { resolved: [], kept: [], fromGit: [], undecided: [] };
  await understandMarkers(context);
  const select = selector(repository, cwd, paths);
  const merging = readConflicts(repository);
  const worktree = openWorktree(repository);
  const conflicts = [...merging.values()].filter(({ path }) => select(path));
  const inTheWay = new Map(conflicts.filter(({ against }) => against !== undefined).map(({ path }) => [path, inTheWayOf(worktree.manifest, path)]));
  const others = new Set([...inTheWay.values()].flat());
  const candidates = conflicts.map(({ path }) => path);
  const seen = await observe(worktree, { read: hashContents(context), candidates, select: (path) => select(path) || others.has(path), outside: await outsideProfile(context) });
  const edits = [...seen.values()].filter(({ state, path }) => state === "conflict" && !merging.has(path) && select(path));
  const settled = new Map<string, Asset | undefined>();
  for (const conflict of conflicts) {
    const side = typeof take === "object" ? await fileAsset(context, conflict.path, take.file, conflict.ours ?? conflict.theirs) : await sideOf(context, conflict, take);
    if (side === "undecided") result.undecided.push(conflict.path);
    else {
      for (const other of side ? (inTheWay.get(conflict.path) ?? []) : []) {
        if (settled.has(other)) continue;
        const { oid } = onDisk(seen.get(other)) ?? worktree.manifest.get(other)!;
        await bring(context, worktree, other, undefined, seen.get(other));
        settled.set(other, undefined);
        result.kept.push({ path: conflict.path, oid });
      }
      const had = onDisk(seen.get(conflict.path));
      await bring(context, worktree, conflict.path, side, seen.get(conflict.path));
      settled.set(conflict.path, side);
      note(result, conflict.path, side, [conflict.ours, conflict.theirs, had]);
    }
  }
  forgetKept(result, conflicts, new Map([...worktree.manifest, ...settled]));
  for (const edit of edits) await settleEdit(context, worktree, { edit, take, result });
  if (settled.size > 0) await withLock(worktreeState(repository, "track"), () => write(context, settled));
  await worktree.index.save();
  const assets = new Set([...settled.values(), ...edits.map(({ m }) => m)].flatMap((asset) => asset?.path ?? []));
  result.fromGit.push(...(await leaveGit(worktree, result.resolved.filter((path) => assets.has(path)))));
  return result;
}

/** What Git follows too would have its own version at each commit. What no pattern matches stays, for Git would add it again. */
async function leaveGit({ repository, tracking }: Worktree, assets: readonly string[]): Promise<string[]> {
  const tracked = new Set(assets.filter(tracking.matches));
  if (tracked.size === 0) return [];
  const both = (await trackedFiles(repository)).filter((path) => tracked.has(path));
  await takeOutOfGit(repository, both);
  return both;
}

/** Another command may have written the manifest or settled a conflict meanwhile: ours is added to that. */
async function write({ repository }: Context, settled: ReadonlyMap<string, Asset | undefined>): Promise<void> {
  const manifest = new Map(readManifestFile(repository));
  const merging = readConflicts(repository);
  for (const [path, asset] of settled) {
    if (asset) manifest.set(path, asset);
    else manifest.delete(path);
    const conflict = merging.get(path);
    if (conflict) removeBeside(repository, conflict);
    merging.delete(path);
  }
  writeManifestFile(repository, manifest.values());
  writeConflicts(repository, merging.values());
  if (merging.size > 0) return;
  await stageManifest(repository, Buffer.from(formatManifest(manifest.values())));
  // As after git add: git merge --abort refuses what Git has not looked at since it was staged.
  await rereadEntry(repository);
}

async function sideOf(context: Context, conflict: MergeConflict, take: Exclude<Take, object>): Promise<Asset | undefined | "undecided"> {
  const side = take === "newest" ? await newestSide(context, conflict) : take;
  return side === undefined ? "undecided" : conflict[side];
}

interface EditStep {
  readonly edit: Seen;
  readonly take: Take;
  readonly result: ResolveResult;
}

/** An edit on disk met another version: whatever is taken but theirs is an edit of that from now on. */
async function settleEdit(context: Context, worktree: Worktree, { edit, take, result }: EditStep): Promise<void> {
  const { path, m } = edit;
  const side = typeof take === "object" ? "file" : take === "newest" ? await newestOfEdit(context, edit) : take;
  if (side === undefined) return void result.undecided.push(path);
  const had = onDisk(edit);
  if (side === "file") await bring(context, worktree, path, await fileAsset(context, path, (take as { file: string }).file, m), edit);
  if (side === "theirs") await bring(context, worktree, path, m, edit);
  else worktree.index.update(path, { b: m && { oid: m.oid, exec: m.exec } });
  worktree.index.update(path, { open: undefined });
  note(result, path, side === "theirs" ? m : side === "ours" ? had : undefined, [m, had]);
}

async function bring(context: Context, worktree: Worktree, path: string, target: Asset | undefined, seen: Seen | undefined): Promise<void> {
  worktree.index.update(path, { open: undefined });
  if (seen?.w !== undefined && sameContent(seen.w, target)) return worktree.index.update(path, { b: { oid: target!.oid, exec: target!.exec } });
  if (seen && seen.w !== undefined) await keepNow(context, [seen]);
  const { missing, archived } = await restore(context, worktree, [{ path, target, expect: seen?.stat }]);
  const why = missing[0]?.why ?? (archived.length > 0 ? "its content is archived" : undefined);
  if (why !== undefined) throw new BallastError("OBJECT_MISSING", `${path} is not resolved: ${why}`, { hint: "git ballast fetch, then resolve again" });
}

/** The content of a file as a version of the asset; it is in the local store then. @throws USAGE, NOT_A_FILE */
async function fileAsset(context: Context, path: string, file: string, like: Asset | undefined): Promise<Asset> {
  const absolute = resolvePath(context.cwd, file);
  const stat = lstatIfThere(absolute);
  if (stat === undefined) throw new BallastError("USAGE", `there is no file ${file}`);
  if (!stat.isFile()) throw new BallastError("NOT_A_FILE", `${file} is no regular file`);
  const contents: ReadContent[] = [];
  await storeContents(context)([{ path: relative(context.repository.top, absolute), sizeBytes: Number(stat.size) }], (content) => contents.push(content));
  const [read] = contents;
  if (read === undefined) throw new BallastError("FILE_CHANGED", `${file} vanished in this moment`);
  return { path, oid: read.oid, sizeBytes: Number(read.stat.size), exec: like?.exec ?? (stat.mode & 0o100n) !== 0n };
}

/** What was renamed apart is still there under its other name. */
function forgetKept(result: ResolveResult, conflicts: readonly MergeConflict[], after: ReadonlyMap<string, Asset | undefined>): void {
  const apart = new Set(conflicts.filter(({ renamed }) => renamed).map(({ path }) => path));
  if (apart.size === 0) return;
  const still = new Set([...after.values()].map((asset) => asset?.oid));
  result.kept.splice(0, Infinity, ...result.kept.filter(({ path, oid }) => !apart.has(path) || !still.has(oid)));
}

function onDisk(seen: Seen | undefined): Pick<Asset, "oid" | "exec"> | undefined {
  return seen === undefined || seen.w === undefined || seen.w === "blocked" ? undefined : seen.w;
}

function note(result: ResolveResult, path: string, taken: Pick<Asset, "oid"> | undefined, all: readonly (Pick<Asset, "oid"> | undefined)[]): void {
  result.resolved.push(path);
  const lost = new Set(all.flatMap((one) => (one && one.oid !== taken?.oid ? [one.oid] : [])));
  for (const oid of lost) result.kept.push({ path, oid });
}
