import { existsSync } from "node:fs";
import type { Strategy } from "../config/settings.ts";
import type { Context } from "../context.ts";
import { BallastError } from "../errors.ts";
import { outdatedHooks } from "../git/hooks.ts";
import type { Oid } from "../object/oid.ts";
import { putBeside } from "../worktree/beside.ts";
import { collectGarbage } from "../util/collect-garbage.ts";
import { count } from "../util/format.ts";
import { dropSettledConflicts } from "../worktree/conflicts.ts";
import { hashContents, keepNow } from "../worktree/contents.ts";
import { noteConflicts } from "../worktree/edits-in-conflict.ts";
import { follow, rereadEntry } from "../worktree/follow.ts";
import { restoreFreed } from "../worktree/freed.ts";
import { leaveToGit } from "../worktree/leave-to-git.ts";
import { observe, type Seen } from "../worktree/observe.ts";
import { outsideProfile, writeChoice } from "../worktree/profile.ts";
import { settleKnown } from "../worktree/record.ts";
import { restore, SeenRestoration, type RestoreResult } from "../worktree/restore.ts";
import { openWorktree, type Worktree } from "../worktree/session.ts";
import { understandMarkers } from "../worktree/settle.ts";
import { isIndexLocked, isSequencing, manifestFile, stamp } from "../worktree/stamp.ts";
import { patternFor, selector, tracking } from "../worktree/tracking.ts";
import { writeProtect } from "../worktree/write-protection.ts";
import { installBeside } from "./install.ts";
import type { ResolveResult } from "./resolve.ts";

export interface CheckoutOptions {
  readonly paths: readonly string[];
  /** Also replaces modified assets, whose content is kept in the local store. */
  readonly force: boolean;
  /** Also brings back what was deleted. */
  readonly all: boolean;
  /** Patterns in gitignore syntax that narrow what is restored. */
  readonly include: readonly string[];
  readonly exclude: readonly string[];
  /** Asks the store to bring archived objects back. */
  readonly restoreArchived: boolean;
  /** Lets what `include` and `exclude` leave out stay out, until they are given again or a checkout is for everything. */
  readonly lasting?: boolean;
  /** How conflicts are settled; default: `conflict.strategy`. */
  readonly strategy?: Strategy | undefined;
  /** Leaves the hooks as they are: the caller has installed them, or has said why it could not. */
  readonly keepHooks?: boolean;
  readonly dryRun: boolean;
}

export interface CheckoutResult extends RestoreResult {
  /** Replaced edits and where their content is now: `git ballast show <oid>` gives it back. */
  readonly kept: { path: string; oid: Oid }[];
  /** Left alone, since they were edited and `force` was not given. */
  readonly modified: string[];
  /** Left alone, since something that is no regular file (a link, a directory) stands there or above. */
  readonly blocked: string[];
  /** What `strategy` settled, and could not. */
  readonly conflicts?: ResolveResult;
  readonly notes: string[];
}

/**
 * Restores assets to what the manifest says. Installs the hooks in a clone that has none.
 * @throws NOT_INITIALISED, USAGE when a path matches nothing, and what the manifest and the stores throw
 */
export async function checkout(context: Context, options: CheckoutOptions): Promise<CheckoutResult> {
  const { repository } = context;
  if (!existsSync(manifestFile(repository))) {
    throw new BallastError("NOT_INITIALISED", "this branch has no assets: .ballast/manifest.jsonl is missing", { hint: "git ballast init" });
  }
  const notes: string[] = [];
  if (!options.dryRun && options.keepHooks !== true && (await outdatedHooks(repository)).length > 0) {
    if ((await installBeside(context)).length > 0) notes.push("hooks installed in this clone");
  }
  await follow(repository);
  await understandMarkers(context);
  await dropSettledConflicts(repository);
  const conflicts = options.dryRun ? undefined : await settleConflicts(context, options);
  const worktree = openWorktree(repository);
  collectGarbage(worktree.manifest.size);
  const byName = namedPaths(context, options.paths);
  if (options.lasting && options.paths.length === 0 && !options.dryRun) writeChoice(repository, options);
  const outside = await outsideProfile(context);
  const seen = await observe(worktree, { read: hashContents(context), candidates: [], outside });
  await leaveToGit(worktree, seen);
  const chosen = choose(context, options, seen);
  const { due, modified } = sort(options, chosen, byName);
  notes.push(...notesOnProfile(chosen, due, outside));
  let blocked = chosen.filter(({ state, m }) => state === "blocked" && m !== undefined).map(({ path }) => path);
  if (options.dryRun) {
    const restored = due.filter(({ m }) => m).map(({ path }) => path);
    return { ...NOTHING, restored, removed: due.filter(({ m }) => !m).map(({ path }) => path), modified, blocked, notes };
  }
  const kept = await keepEdits(context, due);
  for (const { path } of due) worktree.index.update(path, { open: undefined });
  let result: RestoreResult = NOTHING;
  try {
    result = await restore(context, worktree, due.map((sight) => new SeenRestoration(sight.path, sight.m, sight)), options);
    const freed = await restoreFreed(context, worktree, chosen, result);
    ({ result } = freed);
    blocked = freed.blocked.map(({ path }) => path);
  } catch (error) {
    // What was not reached is still to be restored, and no edit of the user's.
    for (const { path, m } of due) if (m && worktree.index.get(path)?.w?.oid !== m.oid) worktree.index.update(path, { open: "restore" });
    throw error;
  } finally {
    await settleRest(context, worktree, seen, due);
  }
  await putBeside(context);
  await writeProtect(context, chosen.map(({ path }) => path));
  return { ...result, kept, modified, blocked, ...(conflicts ? { conflicts } : {}), notes };
}

/** By the strategy, if there is one and if anything is in conflict. */
async function settleConflicts(context: Context, { paths, strategy = context.settings.conflictStrategy }: CheckoutOptions): Promise<ResolveResult | undefined> {
  if (strategy === "manual") return undefined;
  const { resolveAll } = await import("./resolve.ts");
  const result = await resolveAll(context, { paths, take: strategy });
  return result.resolved.length + result.undecided.length === 0 ? undefined : result;
}

const NOTHING = { restored: [], removed: [], missing: [], archived: [], bytes: 0, kept: [] };

function choose(context: Context, { paths, include, exclude }: CheckoutOptions, seen: ReadonlyMap<string, Seen>): Seen[] {
  const named = selector(context.repository, context.cwd, paths);
  const included = include.length === 0 ? () => true : tracking(include).matches;
  const excluded = tracking(exclude).matches;
  const chosen = [...seen.values()].filter(({ path }) => named(path) && included(path) && !excluded(path));
  if (paths.length > 0 && !chosen.some(({ state }) => state !== "none")) {
    throw new BallastError("USAGE", `no asset matches ${paths.join(" ")}`, { hint: "git ballast ls shows the assets" });
  }
  return chosen;
}

/** What the arguments name: an explicit path is honoured also outside of the profile, the whole worktree is not explicit. */
function namedPaths({ repository, cwd }: Context, paths: readonly string[]): (path: string) => boolean {
  const named = paths.filter((argument) => patternFor(repository, cwd, argument) !== "/**");
  return named.length === 0 ? () => false : selector(repository, cwd, named);
}

function notesOnProfile(chosen: readonly Seen[], due: readonly Seen[], outside: (path: string) => boolean): string[] {
  const left = chosen.filter(({ state }) => state === "outside").length - due.filter(({ state }) => state === "outside").length;
  const honoured = due.filter(({ path, m }) => m !== undefined && outside(path)).length;
  return [
    ...(honoured > 0 ? [`${count(honoured, "asset")} outside of this worktree's profile (sparse-checkout, fetch.include or --include), restored because named`] : []),
    ...(left > 0 ? [`${count(left, "asset")} left out by this worktree's profile (sparse-checkout, fetch.include or --include)`] : []),
  ];
}

function sort({ paths, force, all }: CheckoutOptions, chosen: readonly Seen[], named: (path: string) => boolean): { due: Seen[]; modified: string[] } {
  const byName = paths.length > 0;
  const due: Seen[] = [];
  const modified: string[] = [];
  for (const sight of chosen) {
    if (sight.state === "stale" || sight.state === "missing") due.push(sight);
    else if (sight.state === "outside" && named(sight.path)) due.push(sight);
    else if (sight.state === "deleted" && (byName || all || force)) due.push(sight);
    else if (sight.state === "modified" || (sight.state === "conflict" && sight.m)) {
      if (force) due.push(sight);
      else modified.push(sight.path);
    }
  }
  return { due, modified };
}

/** Stores the content of edited files before they are replaced. */
async function keepEdits(context: Context, due: readonly Seen[]): Promise<CheckoutResult["kept"]> {
  const edited = due.filter(({ state, w }) => (state === "modified" || state === "conflict") && w !== undefined && w !== "blocked");
  if (edited.length === 0) return [];
  await keepNow(context, edited);
  return edited.map(({ path, w }) => ({ path, oid: (w as { oid: Oid }).oid }));
}

/** What was not chosen stays as it is, and stays known as such once the manifest is stamped. */
async function settleRest(context: Context, worktree: Worktree, seen: ReadonlyMap<string, Seen>, due: readonly Seen[]): Promise<void> {
  const { repository } = context;
  const done = new Set(due.map(({ path }) => path));
  const rest = new Map([...seen].filter(([path]) => !done.has(path)));
  for (const { path, state } of rest.values()) if (state === "stale") worktree.index.update(path, { open: "restore" });
  noteConflicts(context, worktree, rest);
  settleKnown(worktree, rest.values());
  await worktree.index.save();
  if (worktree.stamped || isSequencing(repository) || isIndexLocked(repository, undefined)) return;
  if (stamp(repository, worktree.file)) await rereadEntry(repository);
}
