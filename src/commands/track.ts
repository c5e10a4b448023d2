import { existsSync, readdirSync } from "node:fs";
import { join, relative, sep } from "node:path";
import { readPin } from "../config/pin.ts";
import type { Context } from "../context.ts";
import { BallastError } from "../errors.ts";
import { at, MANIFEST_PATH, worktreeState, type Repository } from "../git/repository.ts";
import { runGit } from "../git/run.ts";
import { takeOutOfGit, trackedFiles } from "../git/tracked-files.ts";
import { sameAsset, type Manifest } from "../manifest/manifest.ts";
import { checkPath, comparePaths } from "../manifest/path.ts";
import { withLock } from "../util/lock.ts";
import { lstatIfThere } from "../util/lstat-if-there.ts";
import { shellWord } from "../util/package-root.ts";
import { rereadEntry } from "../worktree/follow.ts";
import { liveAssets, observe } from "../worktree/observe.ts";
import { outsideProfile } from "../worktree/profile.ts";
import { hashContents } from "../worktree/contents.ts";
import { record } from "../worktree/record.ts";
import { openWorktree, readManifestFile, writeManifestFile, type Worktree } from "../worktree/session.ts";
import { settle } from "../worktree/settle.ts";
import { isStamped, manifestFile } from "../worktree/stamp.ts";
import { listTracked, patternFor, readTracking, tracking, writeAttributes, writePatterns } from "../worktree/tracking.ts";
import { endProtection, writeProtect } from "../worktree/write-protection.ts";
import { changesBetween, type Change } from "./changes.ts";
import { noteOfHooks } from "./note-of-hooks.ts";

export interface TrackOptions {
  readonly patterns: readonly string[];
  /** Records what changed among tracked assets, without adding patterns. */
  readonly modified: boolean;
  readonly dryRun: boolean;
  /** Uploads what was recorded at once. */
  readonly push: boolean;
  /** Makes the patterns lockable: read-only on disk without a lock. */
  readonly lockable?: boolean;
  /** Takes that back. */
  readonly notLockable?: boolean;
}

export interface TrackResult {
  /** The lines added to the block in `.gitignore`. */
  readonly patterns: string[];
  readonly recorded: Change[];
  /** Files that Git itself versioned until now. */
  readonly fromGit: string[];
  readonly notes: string[];
}

/**
 * Adds patterns and records what matches them now.
 * @throws NOT_INITIALISED, USAGE, NOT_A_FILE, PATH_REFUSED, FILE_CHANGED
 */
export async function track(context: Context, options: TrackOptions): Promise<TrackResult> {
  const { repository, cwd } = context;
  if (options.patterns.length === 0 && !options.modified) {
    throw new BallastError("USAGE", "track needs a path, a directory or a pattern", { hint: 'git ballast track "*.psd"' });
  }
  if (options.lockable && options.notLockable) throw new BallastError("USAGE", "--lockable and --not-lockable exclude each other", { hint: "give one of them" });
  for (const argument of options.patterns) checkArgument(repository, cwd, argument);
  await settle(context);
  if (!existsSync(manifestFile(repository)) && (await readPin(repository)) !== undefined) throw new BallastError("NOT_INITIALISED", "this branch has no assets, as others have: .ballast/manifest.jsonl is missing", { hint: "git ballast init" });
  const before = openWorktree(repository);
  const wanted = options.patterns.map((argument) => patternFor(repository, cwd, argument));
  const added = [...new Set(wanted)].filter((pattern) => !before.tracking.patterns.includes(pattern));
  const worktree: Worktree = { ...before, tracking: tracking([...before.tracking.patterns, ...added]) };
  if (wanted.includes("/**")) throw await everything(repository);
  refuseOwnFiles(worktree);
  const fromGit = await inGitIndex(repository, worktree);
  if (options.dryRun) return { patterns: added, recorded: await preview(context, worktree, fromGit), fromGit, notes: [] };

  // Another command may have changed the patterns or the manifest since they were read: ours is added to that.
  const lock = worktreeState(repository, "track");
  if (added.length > 0) await withLock(lock, () => writePatterns(repository, [...new Set([...readTracking(repository).patterns, ...added])]));
  if (options.lockable) await withLock(lock, () => writeAttributes(repository, { lockable: wanted }));
  if (options.notLockable) await withLock(lock, () => writeAttributes(repository, { notLockable: wanted }));
  await takeOutOfGit(repository, fromGit);
  const { assets } = await record(context, worktree);
  if (!isStamped(repository) || changesBetween(worktree.manifest, assets).length > 0) {
    await withLock(lock, () => writeManifestFile(repository, onTopOf(readManifestFile(repository), worktree.manifest, assets).values()));
    await rereadEntry(repository);
  }
  const recorded = changesBetween(worktree.manifest, assets);
  const matching = [...assets.keys()].filter(tracking(wanted).matches);
  if (options.lockable) await writeProtect(context, matching);
  if (options.notLockable) await endProtection(context, matching);
  const notes = [...notesOn(wanted, recorded, fromGit, worktree), ...(await noteOfHooks(repository))];
  if (options.push) await pushNow(context, notes);
  return { patterns: added, recorded, fromGit, notes };
}

/** Everything would be also what Git must have, and what other rules hide: see docs/decisions/0016. */
async function everything(repository: Repository): Promise<BallastError> {
  const directories = readdirSync(repository.top, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() && !entry.name.startsWith(".") ? [`${entry.name}/`] : []));
  const { stdout } = await runGit(["check-ignore", "-z", "--stdin"], at(repository, { input: directories.join("\0"), accept: [1] }));
  const hidden = new Set(stdout.toString().split("\0"));
  const some = directories.filter((name) => !hidden.has(name)).sort(comparePaths).slice(0, 5);
  return new BallastError("USAGE", "the whole worktree is also what Git must have, such as .gitignore, and what other rules hide, such as build results", {
    hint: some.length > 0 ? `name directories or patterns: git ballast track ${some.map((name) => shellWord(name)).join(" ")}` : 'name directories or patterns: git ballast track "*.psd"',
  });
}

/** Patterns that hide Git's own files, or ours, from Git would keep them out of every commit. */
function refuseOwnFiles({ tracking }: Worktree): void {
  const hidden = [".gitignore", ".gitattributes", MANIFEST_PATH].find((path) => tracking.matches(path));
  if (hidden === undefined) return;
  throw new BallastError("USAGE", `this would track ${hidden} too, which Git must have`, { hint: 'name directories, or patterns such as "*.psd"' });
}

/** What is there now, with what changed between two other manifests. */
function onTopOf(now: Manifest, before: Manifest, after: Manifest): Manifest {
  const merged = new Map(now);
  for (const path of new Set([...before.keys(), ...after.keys()])) {
    const asset = after.get(path);
    if (sameAsset(before.get(path), asset)) continue;
    if (asset) merged.set(path, asset);
    else merged.delete(path);
  }
  return merged;
}

function checkArgument(repository: Repository, cwd: string, argument: string): void {
  const file = argument.startsWith("/") ? argument : join(cwd, argument);
  const stat = lstatIfThere(file);
  if (stat === undefined) return;
  const path = relative(repository.top, file).split(sep).join("/");
  if (path !== "") checkPath(path);
  if (stat.isSymbolicLink()) {
    throw new BallastError("NOT_A_FILE", `${argument} is a symbolic link; Git versions links itself`, { hint: "track the file that it points to" });
  }
  if (!stat.isFile() && !stat.isDirectory()) throw new BallastError("NOT_A_FILE", `${argument} is neither a file nor a directory`);
}

/** The files of Git's index that the patterns match. */
async function inGitIndex(repository: Repository, { tracking }: Worktree): Promise<string[]> {
  return (await trackedFiles(repository)).filter((path) => tracking.matches(path) && !/(^|\/)\.git[a-z]*$/.test(path) && !path.startsWith(".ballast/"));
}

async function preview(context: Context, worktree: Worktree, fromGit: readonly string[]): Promise<Change[]> {
  const candidates = [...(await listTracked(context.repository, worktree.tracking.patterns)), ...fromGit];
  const seen = await observe(worktree, { read: hashContents(context), candidates, outside: await outsideProfile(context) });
  return changesBetween(worktree.manifest, liveAssets(worktree, seen));
}

function notesOn(wanted: readonly string[], recorded: readonly Change[], fromGit: readonly string[], worktree: Worktree): string[] {
  const notes: string[] = [];
  for (const pattern of wanted) {
    const { matches } = tracking([pattern]);
    if (recorded.some(({ path }) => matches(path)) || [...worktree.manifest.keys()].some(matches)) continue;
    notes.push(`${pattern} matches no file yet; it will once there are some`);
  }
  if (fromGit.length > 0) {
    notes.push(
      `${fromGit.length === 1 ? `${fromGit[0]} leaves` : `${fromGit.length} files leave`} Git with the next commit, but stay in its history`,
      "to shrink the history too (it rewrites commits): git filter-repo --invert-paths --path <file>",
    );
  }
  return notes;
}

async function pushNow(context: Context, notes: string[]): Promise<void> {
  const { uploadRecorded } = await import("./upload-recorded.ts");
  const { objects } = await uploadRecorded(context);
  notes.push(`${objects} object${objects === 1 ? "" : "s"} uploaded`);
}

