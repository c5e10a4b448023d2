import { existsSync, readFileSync, rmSync } from "node:fs";
import { environment } from "../config/environment.ts";
import type { Context } from "../context.ts";
import { BallastError, isBallastError } from "../errors.ts";
import { blindness } from "../git/attributes.ts";
import { at, worktreeState, type Repository } from "../git/repository.ts";
import { runGit } from "../git/run.ts";
import { formatManifest, type Asset, type Manifest } from "../manifest/manifest.ts";
import { manifestAt } from "../manifest/versions.ts";
import { openRemoteStore, openStoresHere } from "../store/open.ts";
import { cataloguesOf, easiestWays } from "../transfer/chains.ts";
import { localStore } from "../transfer/local.ts";
import { shellWord } from "../util/package-root.ts";
import { readConflicts } from "../worktree/conflicts.ts";
import { editsInConflict } from "../worktree/edits-in-conflict.ts";
import { requestFollow, stageManifest } from "../worktree/follow.ts";
import { record } from "../worktree/record.ts";
import { openWorktree } from "../worktree/session.ts";
import { readTracking } from "../worktree/tracking.ts";
import { warnOfLocks } from "./verify-locks.ts";

/**
 * The pre-commit check: records what the filter could not, and refuses a commit with a conflict, with an asset whose
 * content is in no store, or with a tracked asset staged in Git itself.
 * @throws CONFLICT, OBJECT_MISSING, FILE_CHANGED, USAGE, MANIFEST_INVALID
 */
export async function checkCommit(context: Context): Promise<void> {
  const { repository, settings } = context;
  await refuseConflicts(context);
  const failed = worktreeState(repository, "failed");
  if (!settings.gitLive || existsSync(failed)) await recordNow(context, failed);
  const staged = await manifestAt(repository, ":");
  if (staged) await refuseMissing(context, staged);
  const blind = staged && settings.gitLive ? await blindness(repository) : undefined;
  if (blind) context.report({ kind: "warning", message: `${blind.what}: ${blind.why}`, hint: "git ballast doctor" });
  await refuseStagedAssets(repository);
  await warnOfLocks(context, staged ?? new Map());
}

async function refuseConflicts(context: Context): Promise<void> {
  const paths = [...readConflicts(context.repository).keys(), ...(await editsInConflict(context))];
  const [first] = paths;
  if (first === undefined) return;
  throw new BallastError("CONFLICT", `not committed: ${first}${paths.length > 1 ? ` and ${paths.length - 1} more are` : " is"} in conflict`, {
    hint: `git ballast resolve ${shellWord(first)} --ours, or --theirs`,
  });
}

/** Where no filter runs, or where it failed, the commit records here. */
async function recordNow(context: Context, failed: string): Promise<void> {
  const { repository } = context;
  const before = existsSync(failed) ? readFileSync(failed, "utf8").trim() : "";
  try {
    const { assets, changed } = await record(context, openWorktree(repository));
    rmSync(failed, { force: true });
    if (!changed) return;
    const { GIT_INDEX_FILE } = environment();
    const manifest = Buffer.from(formatManifest(assets.values()));
    await stageManifest(repository, manifest, { GIT_INDEX_FILE });
    requestFollow(repository, manifest);
  } catch (error) {
    if (!isBallastError(error) || before === "") throw error;
    throw new BallastError(error.code, `not committed: ${error.message}`, { hint: error.hint ?? "commit again once that is mended", cause: error });
  }
}

async function refuseMissing(context: Context, staged: Manifest): Promise<void> {
  const { repository, signal } = context;
  const added = new Map<string, Asset>(staged);
  for (const parent of ["HEAD", "MERGE_HEAD", "CHERRY_PICK_HEAD", "REBASE_HEAD"]) {
    for (const [path, { oid }] of await readableAt(repository, parent)) if (added.get(path)?.oid === oid) added.delete(path);
  }
  const oids = new Set([...added.values()].map(({ oid }) => oid));
  await localStore(context);
  for (const oid of easiestWays(await cataloguesOf(await openStoresHere(context), oids, signal)).keys()) oids.delete(oid);
  if (oids.size === 0) return;
  try {
    const remote = await openRemoteStore(context);
    for (const oid of (await remote.find(oids, signal)).keys()) oids.delete(oid);
  } catch (error) {
    if (!isBallastError(error, "STORE_UNREACHABLE", "STORE_BUSY")) throw error;
    context.report({ kind: "warning", message: `${oids.size} assets are not in the local store, and ${error.message}`, hint: "git push will check them again" });
    return;
  }
  const lost = [...added.values()].find(({ oid }) => oids.has(oid));
  if (!lost) return;
  throw new BallastError("OBJECT_MISSING", `not committed: the content of ${lost.path} (${lost.oid}) is in no store`, {
    hint: "git ballast checkout restores the file, or git ballast track --modified records what is on disk",
  });
}

/** A parent whose manifest cannot be read, because of conflict markers for one, vouches for nothing: this commit may mend it. */
async function readableAt(repository: Repository, revision: string): Promise<Manifest> {
  try {
    return (await manifestAt(repository, revision)) ?? new Map();
  } catch (error) {
    if (!isBallastError(error, "CONFLICT", "MANIFEST_INVALID", "MANIFEST_VERSION", "PATH_REFUSED")) throw error;
    return new Map();
  }
}

/** An asset that was put into Git's own index, e.g. by `git add -f`, would be versioned twice. Links and submodules are no assets. */
async function refuseStagedAssets(repository: Repository): Promise<void> {
  const { stdout } = await runGit(["diff", "--cached", "--raw", "--no-renames", "-z", "--diff-filter=A"], at(repository));
  const tracked = readTracking(repository);
  // :<old mode> SP <mode> SP <old blob> SP <blob> SP A NUL <path> NUL
  const fields = stdout.toString().split("\0");
  const path = fields.find((name, i) => i % 2 === 1 && fields[i - 1]!.startsWith(":000000 100") && !name.startsWith(".ballast/") && tracked.matches(name));
  if (path === undefined) return;
  throw new BallastError("USAGE", `not committed: ${path} is a tracked asset but is staged in Git itself`, {
    hint: `git rm --cached ${shellWord(path)}, or git ballast track --modified`,
  });
}
