import type { Context } from "../context.ts";
import { isBallastError, BallastError } from "../errors.ts";
import { bringOwnFiles } from "../git/own-files.ts";
import { shellWord } from "../util/package-root.ts";
import { putBeside } from "./beside.ts";
import { readCaptured, unreferenced, type Captured } from "./captured.ts";
import { dropSettledConflicts } from "./conflicts.ts";
import { hashContents } from "./contents.ts";
import { tellDiscarded } from "./discarded.ts";
import { noteConflicts } from "./edits-in-conflict.ts";
import { follow, rereadEntry } from "./follow.ts";
import { restoreFreed } from "./freed.ts";
import { leaveToGit } from "./leave-to-git.ts";
import { adoptMarkers } from "./markers.ts";
import { observe, type Seen } from "./observe.ts";
import { outsideProfile } from "./profile.ts";
import { settleKnown } from "./record.ts";
import { restore, SeenRestoration, type RestoreResult, type Restoration } from "./restore.ts";
import { forgetRestoring } from "./restoring.ts";
import { isInitialised, openMoved, type Worktree } from "./session.ts";
import { sameContent } from "./states.ts";
import { isIndexLocked, isOperating, isSequencing, isStamped, stamp } from "./stamp.ts";

export interface Settled extends RestoreResult {
  readonly conflicts: readonly string[];
  /** False while a sequence of Git's is under way and the manifest must not be stamped yet. */
  readonly stamped: boolean;
}

/**
 * Brings the worktree to where Git moved the manifest: restores what is stale or missing, keeps what the user edited,
 * and stamps the manifest. Does nothing when Git has not touched it.
 * @param final stamps although a rebase is under way: right once the Git process has ended
 */
export async function settle(context: Context, { final = false } = {}): Promise<Settled | undefined> {
  const { repository } = context;
  if (!isInitialised(repository)) return undefined;
  // A manifest that is not there for a moment removes no asset, nor does one that was lost.
  const absent = await bringOwnFiles(repository);
  if (absent === "gone") return undefined;
  // One that sparse-checkout hides can be brought back once that Git process has ended.
  if (absent === "hidden") return { ...NOTHING, stamped: false };
  await follow(repository);
  if (isStamped(repository)) {
    // Git may refuse after it has merged: then there is no conflict, and no operation that could be concluded.
    if (!isOperating(repository) && !isIndexLocked(repository, undefined)) await dropSettledConflicts(repository);
    // A merge that changes nothing but what is in conflict leaves the file as it was.
    await putBeside(context);
    return undefined;
  }
  await understandMarkers(context);
  const { worktree, moved } = openMoved(repository);
  await dropSettledConflicts(repository);
  const seen = await observe(worktree, { read: hashContents(context), candidates: [], outside: await outsideProfile(context), paths: moved });
  await leaveToGit(worktree, seen);
  const result = await bringUp(context, worktree, seen);
  const conflicts = noteConflicts(context, worktree, seen);
  settleKnown(worktree, seen.values());
  await worktree.index.save();
  if (worktree.restoring.size > 0) forgetRestoring(repository);
  await putBeside(context);
  const stamped = (final || !isSequencing(repository)) && !isIndexLocked(repository, undefined) && stamp(repository, worktree.file);
  if (stamped) await rereadEntry(repository);
  return { ...result, conflicts, stamped };
}

const NOTHING = { restored: [], removed: [], missing: [], archived: [], bytes: 0, conflicts: [] };

async function bringUp(context: Context, worktree: Worktree, seen: ReadonlyMap<string, Seen>): Promise<RestoreResult> {
  const moved = [...seen.values()].filter(({ state }) => state === "stale" || state === "missing");
  const { kept, lost } = await weighDiscarded(context, moved);
  const due: Restoration[] = [];
  for (const sight of moved) {
    if (!kept.has(sight.path)) due.push(new SeenRestoration(sight.path, sight.m, sight));
    // Only Ballast knows this new file, no commit does: it stays, as an untracked file stays for Git.
    else worktree.index.update(sight.path, { b: undefined });
  }
  try {
    const { result, blocked } = await restoreFreed(context, worktree, seen.values(), await restore(context, worktree, due));
    for (const { path, oid } of blocked) {
      result.missing.push({ path, oid, code: "NOT_A_FILE", why: "something that is no regular file stands in its place" });
    }
    const missing = new Set(result.missing.map(({ path }) => path));
    tellDiscarded(context, lost.filter(({ path }) => !missing.has(path)));
    return result;
  } catch (error) {
    if (!isBallastError(error)) throw error;
    for (const { path, target } of due) if (target) worktree.index.update(path, { open: "restore" });
    await worktree.index.save();
    throw error;
  }
}

/** Among stale files, the edits that no commit holds: new ones are kept in place, edited ones can be brought back. */
async function weighDiscarded({ repository }: Context, moved: readonly Seen[]): Promise<{ kept: Set<string>; lost: readonly Captured[] }> {
  const stale: (Captured & { readonly sight: Seen })[] = [];
  for (const sight of moved) {
    const { path, state, w } = sight;
    if (state === "stale" && w !== undefined && w !== "blocked") stale.push({ path, oid: w.oid, sight });
  }
  const lost = await unreferenced(repository, stale);
  const added = lost.filter(({ sight }) => sight.m === undefined);
  if (added.length === 0) return { kept: new Set(), lost };
  const captured = new Set(readCaptured(repository).map(({ oid, path }) => `${oid} ${path}`));
  // What a stash brought, say, is nowhere noted.
  const kept = new Set(added.filter(({ path, oid, sight: { w, b } }) => !sameContent(w, b) || captured.has(`${oid} ${path}`)).map(({ path }) => path));
  return { kept, lost: lost.filter(({ path }) => !kept.has(path)) };
}

/** Where Git has merged the manifest line by line, turns its markers into conflicts of assets, and says so. */
export async function understandMarkers({ repository, report }: Context): Promise<void> {
  for (const path of (await adoptMarkers(repository)) ?? []) {
    report({ kind: "warning", message: `both sides changed ${path}; yours stays in place`, hint: `git ballast resolve ${shellWord(path)} --ours, or --theirs` });
  }
}

/** As {@link settle}, for hooks: a failure is a warning, since Git has done its part. Returns the exit status. */
export async function settleQuietly(context: Context, options: { final?: boolean } = {}): Promise<Settled | undefined> {
  try {
    return await settle(context, options);
  } catch (error) {
    if (!(error instanceof BallastError)) throw error;
    context.report({ kind: "warning", message: error.message, hint: error.hint ?? "git ballast checkout goes on from here" });
    return undefined;
  }
}
