import { relative, resolve as resolvePath } from "node:path";
import type { Strategy } from "../config/settings.ts";
import type { Context } from "../context.ts";
import { BallastError } from "../errors.ts";
import { worktreeState, type Repository } from "../git/repository.ts";
import { takeOutOfGit, trackedFiles } from "../git/tracked-files.ts";
import { manifestBytes, sameAsset, type Asset } from "../manifest/manifest.ts";
import { inTheWayOf } from "../manifest/place.ts";
import type { Oid } from "../object/oid.ts";
import { collectGarbage } from "../util/collect-garbage.ts";
import { withLock } from "../util/lock.ts";
import { lstatIfThere } from "../util/lstat-if-there.ts";
import { eachConflict, removeBeside, writeConflicts, type MergeConflict } from "../worktree/conflicts.ts";
import { hashContents, storeContents } from "../worktree/contents.ts";
import { rereadEntry, stageManifest } from "../worktree/follow.ts";
import { observe, type ReadContent, type Seen } from "../worktree/observe.ts";
import { outsideProfile } from "../worktree/profile.ts";
import { openWorktree, readManifestFile, writeManifestFile, type Worktree } from "../worktree/session.ts";
import { understandMarkers } from "../worktree/settle.ts";
import { selector } from "../worktree/tracking.ts";
import { bringAll, type Bringing } from "./resolve/bring.ts";
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
  const { repository } = context;
  const result: ResolveResult = { resolved: [], kept: [], fromGit: [], undecided: [] };
  await understandMarkers(context);
  const worktree = openWorktree(repository);
  const { settled, bringing, assets } = await decide(context, worktree, { paths, take, result });
  await bringAll(context, worktree, bringing);
  if (settled.size > 0) await withLock(worktreeState(repository, "track"), () => write(context, settled));
  await worktree.index.save();
  result.fromGit.push(...(await leaveGit(worktree, result.resolved.filter((path) => assets.has(path)))));
  return result;
}

interface Wishes {
  readonly paths: readonly string[];
  readonly take: Take;
  readonly result: ResolveResult;
}

interface Decisions {
  /** What the manifest is to have at each path that a merge left in conflict. */
  readonly settled: ReadonlyMap<string, Asset | undefined>;
  /** What is to be on disk, edits that met another version included. */
  readonly bringing: readonly Bringing[];
  /** The paths of both that are assets afterwards. */
  readonly assets: ReadonlySet<string>;
}

/** Takes a side for each conflict and notes what that leaves. On disk nothing is changed yet. */
async function decide(context: Context, worktree: Worktree, { paths, take, result }: Wishes): Promise<Decisions> {
  const { repository, cwd } = context;
  const select = selector(repository, cwd, paths);
  const conflicts = chosen(repository, worktree, select);
  const merging = new Set(conflicts.map(({ path }) => path));
  collectGarbage(conflicts.length);
  const inTheWay = new Map(conflicts.filter(({ against }) => against !== undefined).map(({ path }) => [path, inTheWayOf(worktree.manifest, path)]));
  const others = new Set([...inTheWay.values()].flat());
  const seen = await observe(worktree, { read: hashContents(context), candidates: [...merging], select: (path) => select(path) || others.has(path), outside: await outsideProfile(context) });
  const settled = new Map<string, Asset | undefined>();
  for (const conflict of conflicts) {
    const side = typeof take === "object" ? await fileAsset(context, conflict.path, take.file, conflict.ours ?? conflict.theirs) : await sideOf(context, conflict, take);
    if (side === "undecided") {
      result.undecided.push(conflict.path);
      continue;
    }
    for (const other of side ? (inTheWay.get(conflict.path) ?? []) : []) {
      if (settled.has(other)) continue;
      const { oid } = onDisk(seen.get(other)) ?? worktree.manifest.get(other)!;
      settled.set(other, undefined);
      result.kept.push({ path: conflict.path, oid });
    }
    settled.set(conflict.path, side);
    note(result, conflict.path, side, [conflict.ours, conflict.theirs, onDisk(seen.get(conflict.path))]);
  }
  forgetKept(result, conflicts, () => new Map([...worktree.manifest, ...settled]));
  const bringing = Array.from(settled, ([path, target]): Bringing => ({ path, target, seen: seen.get(path) }));
  const assets = new Set([...settled.keys()].filter((path) => settled.get(path) !== undefined));
  for (const edit of seen.values()) {
    if (edit.state !== "conflict" || merging.has(edit.path) || !select(edit.path)) continue;
    bringing.push(...(await settleEdit(context, worktree, { edit, take, result })));
    if (edit.m) assets.add(edit.path);
  }
  return { settled, bringing, assets };
}

/** What of the conflicts a decision needs: there may be a million, and ours is what the manifest has, as a rule. */
function chosen(repository: Repository, { manifest }: Worktree, select: (path: string) => boolean): MergeConflict[] {
  const conflicts: MergeConflict[] = [];
  for (const { beside: _, ...conflict } of eachConflict(repository)) {
    const known = manifest.get(conflict.path);
    if (select(conflict.path)) conflicts.push(known && conflict.ours && sameAsset(known, conflict.ours) ? { ...conflict, path: known.path, ours: known } : conflict);
  }
  return conflicts;
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
  for (const [path, asset] of settled) {
    if (asset) manifest.set(path, asset);
    else manifest.delete(path);
  }
  const open: MergeConflict[] = [];
  for (const conflict of eachConflict(repository)) {
    if (settled.has(conflict.path)) removeBeside(repository, conflict);
    else open.push(conflict);
  }
  // What was only needed to bring it.
  collectGarbage(settled.size);
  writeManifestFile(repository, manifest.values());
  writeConflicts(repository, open);
  if (open.length > 0) return;
  await stageManifest(repository, manifestBytes(manifest.values()));
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

/** An edit on disk met another version: whatever is taken but theirs is an edit of that from now on. @returns what is to be brought */
async function settleEdit(context: Context, worktree: Worktree, { edit, take, result }: EditStep): Promise<Bringing[]> {
  const { path, m } = edit;
  const side = typeof take === "object" ? "file" : take === "newest" ? await newestOfEdit(context, edit) : take;
  if (side === undefined) {
    result.undecided.push(path);
    return [];
  }
  const had = onDisk(edit);
  note(result, path, side === "theirs" ? m : side === "ours" ? had : undefined, [m, had]);
  if (side === "file") return [{ path, target: await fileAsset(context, path, (take as { file: string }).file, m), seen: edit }];
  if (side === "theirs") return [{ path, target: m, seen: edit }];
  worktree.index.update(path, { b: m && { oid: m.oid, exec: m.exec }, open: undefined });
  return [];
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
function forgetKept(result: ResolveResult, conflicts: readonly MergeConflict[], after: () => ReadonlyMap<string, Asset | undefined>): void {
  const apart = new Set(conflicts.filter(({ renamed }) => renamed).map(({ path }) => path));
  if (apart.size === 0) return;
  const still = new Set([...after().values()].map((asset) => asset?.oid));
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
