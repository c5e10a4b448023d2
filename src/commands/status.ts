import type { Context } from "../context.ts";
import { isBallastError } from "../errors.ts";
import { formatManifest, type Asset, type Manifest } from "../manifest/manifest.ts";
import type { RenamedApart } from "../manifest/merge.ts";
import { comparePaths } from "../manifest/path.ts";
import { addedAssets, manifestAt } from "../manifest/versions.ts";
import { count, formatPath } from "../util/format.ts";
import { readConflicts, type MergeConflict } from "../worktree/conflicts.ts";
import { hashContents } from "../worktree/contents.ts";
import { readMarkers } from "../worktree/markers.ts";
import { liveAssets, observe, type Seen } from "../worktree/observe.ts";
import { outsideProfile } from "../worktree/profile.ts";
import { openWorktree, type Worktree } from "../worktree/session.ts";
import { listTracked } from "../worktree/tracking.ts";
import { blindness } from "../git/attributes.ts";
import { at, type Repository } from "../git/repository.ts";
import { gitText, runGit } from "../git/run.ts";
import { changesBetween, type Change } from "./changes.ts";
import { noteOfBoth } from "./note-of-both.ts";
import { noteOfHooks } from "./note-of-hooks.ts";

export interface StatusEntry {
  readonly path: string;
  readonly state: "new" | "modified" | "deleted" | "renamed" | "stale" | "missing" | "conflict" | "blocked";
  /** The former path of a renamed asset. */
  readonly from?: string;
  readonly oid?: string;
  readonly sizeBytes?: number;
  /** True: in Git's index, not yet committed. False: only in the worktree. */
  readonly staged: boolean;
  /** The state in words, with the command for it. */
  readonly explanation: string;
}

export interface Status {
  readonly branch: string | undefined;
  readonly entries: StatusEntry[];
  /** Assets of commits that no remote has; undefined when there is no commit yet. */
  readonly unpushed: Asset[] | undefined;
  readonly notes: string[];
}

/** What a commit would take, what is not as the manifest says, and what no remote has. Changes nothing. */
export async function status(context: Context): Promise<Status> {
  const { repository } = context;
  const marked = await readMarkers(repository);
  const worktree = openWorktree(repository, marked && Buffer.from(formatManifest(marked.merged.values())));
  const candidates = await listTracked(repository, worktree.tracking.patterns);
  const seen = await observe(worktree, { read: hashContents(context), candidates, outside: await outsideProfile(context) });
  await worktree.index.save(0);
  const branch = await runGit(["symbolic-ref", "--quiet", "--short", "HEAD"], at(repository, { accept: [1] }));
  const head = (await versionAt(repository, "HEAD", worktree)) ?? new Map<string, Asset>();
  const staged = (await versionAt(repository, ":", worktree)) ?? head;
  return {
    branch: branch.status === 0 ? branch.stdout.toString().trim() : undefined,
    entries: [
      ...changesBetween(head, staged).map((change) => entry(change, true)),
      ...unstaged(worktree, seen, staged),
      ...offTrack(seen),
      ...mergeConflicts(context, marked?.conflicts ?? []),
    ],
    unpushed: await unpushedAssets(context),
    notes: [...notesOn(worktree, seen), ...notesOnProfile(seen), ...(await notesOnGit(context, worktree)), ...(await notesOnBoth(worktree)), ...(await noteOfHooks(repository))],
  };
}

/** A version with conflict markers counts as what the markers are taken for in the worktree. */
async function versionAt(repository: Repository, revision: string, { manifest }: Worktree): Promise<Manifest | undefined> {
  try {
    return await manifestAt(repository, revision);
  } catch (error) {
    if (!isBallastError(error, "CONFLICT")) throw error;
    return manifest;
  }
}

/** The difference between what is staged and what is on disk. */
function unstaged(worktree: Worktree, seen: ReadonlyMap<string, Seen>, staged: Manifest): StatusEntry[] {
  if (!worktree.stamped && formatManifest(worktree.manifest.values()) !== formatManifest(staged.values())) return [];
  return changesBetween(staged, liveAssets(worktree, seen)).map((change) => entry(change, false));
}

function entry(change: Change, staged: boolean): StatusEntry {
  const { kind, path, from, oid, sizeBytes } = change;
  const explanation = staged ? "will be committed" : UNSTAGED[kind];
  return { path, state: kind, staged, explanation, ...(from ? { from } : {}), ...(oid ? { oid } : {}), ...(sizeBytes === undefined ? {} : { sizeBytes }) };
}

const UNSTAGED = {
  new: "hidden from Git by the tracked patterns; git add -A records it",
  modified: "git add -A, or git ballast add, records it",
  deleted: "git add -A records the deletion; git ballast checkout <path> brings it back",
  renamed: "git add -A records the new name; nothing is uploaded again",
};

function offTrack(seen: ReadonlyMap<string, Seen>): StatusEntry[] {
  const entries: StatusEntry[] = [];
  for (const { path, state, m, w } of seen.values()) {
    const explanation = state === "blocked" && w !== "blocked" ? "its directory stands in the place of an asset; git ballast remove that, or move this away" : OFF_TRACK[state];
    if (explanation === undefined) continue;
    entries.push({ path, state: state as StatusEntry["state"], staged: false, explanation, ...(m ? { oid: m.oid, sizeBytes: m.sizeBytes } : {}) });
  }
  return entries.sort((a, b) => comparePaths(a.path, b.path));
}

const OFF_TRACK: { readonly [state: string]: string } = {
  stale: "an older version is on disk; git ballast checkout brings it up",
  missing: "not restored here; git ballast checkout restores it",
  conflict: "edited here and changed by Git; git ballast resolve <path> --ours, or --theirs",
  blocked: "something that is no regular file stands in its place; move it away",
};

function mergeConflicts({ repository }: Context, marked: readonly MergeConflict[]): StatusEntry[] {
  const conflicts = new Map([...readConflicts(repository), ...marked.map((conflict) => [conflict.path, conflict] as const)]);
  return [...conflicts.values()].map(({ path, ours, theirs, beside, renamed, against }) => ({
    path,
    state: "conflict",
    staged: false,
    explanation: `${against ? `they have it, and we have ${formatPath(against)} in its place` : renamed ? apart(renamed) : whatMet(ours, theirs)}${beside ? ` (theirs: ${formatPath(beside.path)})` : ""}; git ballast resolve <path> --ours, --theirs, --newest or --file <file>`,
    ...(ours ? { oid: ours.oid, sizeBytes: ours.sizeBytes } : {}),
  }));
}

function apart({ from, ours, theirs }: RenamedApart): string {
  return `both sides renamed ${formatPath(from)}, we to ${formatPath(ours)} and they to ${formatPath(theirs)}`;
}

function whatMet(ours: Asset | undefined, theirs: Asset | undefined): string {
  if (ours === undefined) return "removed by us and edited by them";
  return theirs === undefined ? "edited by us and removed by them" : "both sides of the merge changed it";
}

async function unpushedAssets({ repository, signal }: Context): Promise<Asset[] | undefined> {
  if ((await gitText(["rev-parse", "--verify", "--quiet", "HEAD"], at(repository, { accept: [1] }))) === "") return undefined;
  const byOid = new Map<string, Asset>();
  for await (const { commit: _, ...asset } of addedAssets(repository, ["HEAD", "--not", "--remotes"], signal)) {
    if (!byOid.has(asset.oid)) byOid.set(asset.oid, asset);
  }
  return [...byOid.values()].sort((a, b) => comparePaths(a.path, b.path));
}

function notesOnProfile(seen: ReadonlyMap<string, Seen>): string[] {
  const outside = [...seen.values()].filter(({ state }) => state === "outside").length;
  return outside === 0 ? [] : [`${count(outside, "asset")} left out by this worktree's profile (sparse-checkout, fetch.include or checkout --include); git ballast checkout <path> brings one`];
}

async function notesOnGit({ repository, settings }: Context, { manifest }: Worktree): Promise<string[]> {
  const blind = settings.gitLive && manifest.size > 0 ? await blindness(repository) : undefined;
  return blind ? [`${blind.what}: ${blind.why}; git ballast doctor says what to do`] : [];
}

async function notesOnBoth({ repository, manifest }: Worktree): Promise<string[]> {
  const both = manifest.size === 0 ? undefined : await noteOfBoth(repository, manifest);
  return both ? [`${both.detail}; ${both.mend}`] : [];
}

function notesOn(worktree: Worktree, seen: ReadonlyMap<string, Seen>): string[] {
  const unsettled = !worktree.stamped && worktree.manifest.size > 0 && [...seen.values()].some(({ state }) => state === "stale" || state === "missing");
  return unsettled ? ["Git moved the manifest and the assets have not followed yet; git ballast checkout brings them up"] : [];
}
