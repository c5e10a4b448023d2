import type { Context } from "../context.ts";
import { BallastError } from "../errors.ts";
import type { Asset, Manifest } from "../manifest/manifest.ts";
import { comparePaths } from "../manifest/path.ts";
import { manifestAt } from "../manifest/versions.ts";
import type { Oid } from "../object/oid.ts";
import { readConflicts } from "../worktree/conflicts.ts";
import { hashContents } from "../worktree/contents.ts";
import { liveAssets, observe } from "../worktree/observe.ts";
import { outsideProfile } from "../worktree/profile.ts";
import { openWorktree, readManifestFile } from "../worktree/session.ts";
import { listTracked, selector } from "../worktree/tracking.ts";
import { changesBetween } from "./changes.ts";
import { revisionsAndPaths, type Words } from "./revisions-and-paths.ts";
import { storedHere, type Stored, type StoredHere } from "./stored.ts";

export interface DiffOptions extends Words {
  /** Compares what is staged, with HEAD or the revision. */
  readonly staged: boolean;
}

/** One asset that differs. */
export interface Difference {
  /** `mode`: only the executable bit. `conflict`: both sides of a merge changed it; old is ours and new is theirs. */
  readonly kind: "added" | "removed" | "modified" | "renamed" | "mode" | "conflict";
  readonly path: string;
  /** The former path of what was renamed. */
  readonly from?: string;
  readonly old?: Version;
  readonly new?: Version;
}

export interface Version {
  readonly oid: Oid;
  readonly sizeBytes: number;
  readonly exec: boolean;
  /** How a store on this machine holds it, the local one before the remote one; undefined when none does. */
  readonly stored: Stored | undefined;
}

/**
 * The assets that differ, as `git diff` compares: what is staged with what is on disk; a commit with what is on disk;
 * one commit with another; with `staged`, a commit with what is staged. Sorted by path. Changes nothing.
 * @throws USAGE; what manifests throw
 */
export async function diff(context: Context, options: DiffOptions): Promise<Difference[]> {
  const { repository, cwd } = context;
  const { commits, paths } = await revisionsAndPaths(context, options);
  if (options.staged && commits.length > 1) throw new BallastError("USAGE", "what is staged is compared with one revision", { hint: "git ballast diff --staged [revision]" });
  const select = selector(repository, cwd, paths);
  const [a, b] = commits;
  const old = a === undefined ? (options.staged ? await versionOf(context, "HEAD") : await stagedOf(context)) : await versionOf(context, a);
  const now = b !== undefined ? await versionOf(context, b) : options.staged ? await stagedOf(context) : await onDisk(context);
  const pairs = pairsOf(old, now, select);
  const open = b === undefined ? [...readConflicts(repository).values()].filter(({ path }) => select(path)) : [];
  const inConflict = new Set(open.map(({ path }) => path));
  const all: Pair[] = [...pairs.filter(({ path }) => !inConflict.has(path)), ...open.map(({ path, ours, theirs }) => ({ path, kind: "conflict" as const, old: ours, new: theirs }))];
  const stored = await storedHere(context, all.flatMap((pair) => [pair.old, pair.new].flatMap((asset) => (asset ? [asset.oid] : []))));
  return all.map((pair) => difference(pair, stored)).sort((x, y) => comparePaths(x.path, y.path));
}

function pairsOf(old: Manifest, now: Manifest, select: (path: string) => boolean): Pair[] {
  const changes = changesBetween(old, now).filter(({ path, from }) => select(path) || (from !== undefined && select(from)));
  return changes.map(({ path, from }) => ({ path, from, old: old.get(from ?? path), new: now.get(path) }));
}

interface Pair {
  readonly path: string;
  readonly from?: string | undefined;
  readonly kind?: "conflict";
  readonly old: Asset | undefined;
  readonly new: Asset | undefined;
}

async function versionOf({ repository }: Context, revision: string): Promise<Manifest> {
  return (await manifestAt(repository, revision)) ?? new Map();
}

/** While the manifest is unmerged, what the merge has made of it so far. */
async function stagedOf({ repository }: Context): Promise<Manifest> {
  return (await manifestAt(repository, ":")) ?? readManifestFile(repository);
}

async function onDisk(context: Context): Promise<Manifest> {
  const worktree = openWorktree(context.repository);
  const candidates = await listTracked(context.repository, worktree.tracking.patterns);
  const seen = await observe(worktree, { read: hashContents(context), candidates, outside: await outsideProfile(context) });
  await worktree.index.save(0);
  return liveAssets(worktree, seen);
}

function difference({ path, from, kind, old, new: now }: Pair, stored: StoredHere): Difference {
  return {
    kind: kind ?? kindOf(from, old, now),
    path,
    ...(from === undefined ? {} : { from }),
    ...(old ? { old: version(old, stored) } : {}),
    ...(now ? { new: version(now, stored) } : {}),
  };
}

function kindOf(from: string | undefined, old: Asset | undefined, now: Asset | undefined): Difference["kind"] {
  if (from !== undefined) return "renamed";
  if (old === undefined) return "added";
  if (now === undefined) return "removed";
  return old.oid === now.oid ? "mode" : "modified";
}

function version({ oid, sizeBytes, exec }: Asset, { local, remote }: StoredHere): Version {
  const elsewhere = remote(oid);
  return { oid, sizeBytes, exec, stored: local(oid) ?? (elsewhere === "unknown" ? undefined : elsewhere) };
}
