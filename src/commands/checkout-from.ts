import type { Context } from "../context.ts";
import { BallastError } from "../errors.ts";
import { commitId } from "../git/commits.ts";
import type { Asset } from "../manifest/manifest.ts";
import { manifestAt } from "../manifest/versions.ts";
import { collectGarbage } from "../util/collect-garbage.ts";
import { hashContents, keepNow } from "../worktree/contents.ts";
import { observe, type Seen } from "../worktree/observe.ts";
import { restore, SeenRestoration, type RestoreResult } from "../worktree/restore.ts";
import { openWorktree, type Worktree } from "../worktree/session.ts";
import type { IndexEntry } from "../worktree/stat-index.ts";
import { settle } from "../worktree/settle.ts";
import { sameContent } from "../worktree/states.ts";
import { selector, tracking } from "../worktree/tracking.ts";
import { writeProtect } from "../worktree/write-protection.ts";
import type { CheckoutOptions, CheckoutResult } from "./checkout.ts";

/**
 * Brings assets to what another commit has, as an edit: the manifest stays as it is, and Git shows them as modified.
 * An edit that is not recorded is replaced only with `force`, and its content is kept. Assets that the commit does not
 * have stay as they are.
 * @throws USAGE for an unknown revision and when nothing matches; what the manifest and the stores throw
 */
export async function checkoutFrom(context: Context, revision: string, options: CheckoutOptions): Promise<CheckoutResult> {
  if (options.paths.length === 0) throw new BallastError("USAGE", "checkout --from needs a path", { hint: `git ballast checkout --from ${revision} <path>, or . for all` });
  const targets = await choose(context, revision, options);
  // The other commit's manifest, as text and as bytes.
  collectGarbage(targets.length);
  await settle(context);
  const worktree = openWorktree(context.repository);
  const seen = await look(context, worktree, targets);
  const { due, edited, blocked } = sort(targets, seen, options.force);
  const result = { ...NOTHING, modified: options.force ? [] : edited.map(({ path }) => path), blocked };
  const notes = notesOn(worktree, due);
  if (options.dryRun) return { ...result, restored: due.map(({ path }) => path), notes };
  const replaced = options.force ? edited : [];
  await keepNow(context, replaced);
  const edits = replaced.flatMap(({ path, w }) => (w !== undefined && w !== "blocked" ? [{ path, oid: w.oid }] : []));
  // Of a million, what was only needed to see them.
  collectGarbage(due.length);
  const outcome = await replace(context, worktree, due, seen, options);
  await writeProtect(context, outcome.restored);
  const restored = new Set(outcome.restored);
  return { ...result, ...outcome, kept: edits.filter(({ path }) => restored.has(path)), notes };
}

function look(context: Context, worktree: Worktree, targets: readonly Asset[]): Promise<Map<string, Seen>> {
  const paths = new Set(targets.map(({ path }) => path));
  return observe(worktree, { read: hashContents(context), candidates: [...paths], select: (path) => paths.has(path) });
}

const NOTHING = { restored: [], removed: [], missing: [], archived: [], bytes: 0, kept: [] };

async function choose({ repository, cwd, signal }: Context, revision: string, { paths, include, exclude }: CheckoutOptions): Promise<Asset[]> {
  const source = (await manifestAt(repository, await commitId(repository, revision, signal))) ?? new Map<string, Asset>();
  const named = selector(repository, cwd, paths);
  const included = include.length === 0 ? () => true : tracking(include).matches;
  const excluded = tracking(exclude).matches;
  const targets = [...source.values()].filter(({ path }) => named(path) && included(path) && !excluded(path));
  if (targets.length > 0) return targets;
  throw new BallastError("USAGE", `no asset of ${revision} matches ${paths.join(" ")}`, { hint: `git ballast diff ${revision} shows how it differs` });
}

/** What is on disk and neither in the manifest nor what Git last knew there is an edit that only the disk may have. */
function sort(targets: readonly Asset[], seen: ReadonlyMap<string, Seen>, force: boolean): { due: Asset[]; edited: Seen[]; blocked: string[] } {
  const due: Asset[] = [];
  const edited: Seen[] = [];
  const blocked: string[] = [];
  for (const target of targets) {
    const sight = seen.get(target.path);
    if (sight?.w === "blocked") blocked.push(target.path);
    else if (sameContent(sight?.w, target)) continue;
    else {
      const isEdit = sight?.w !== undefined && !sameContent(sight.w, sight.m) && !sameContent(sight.w, sight.b);
      if (isEdit) edited.push(sight);
      if (!isEdit || force) due.push(target);
    }
  }
  return { due, edited, blocked };
}

/** Git is not to think that it knew of what is brought: B stays, so that the table calls it an edit. */
async function replace(context: Context, worktree: Worktree, due: readonly Asset[], seen: ReadonlyMap<string, Seen>, options: CheckoutOptions): Promise<RestoreResult> {
  const before = new Map<string, Pick<IndexEntry, "b" | "open">>();
  for (const { path } of due) {
    const { b, open } = worktree.index.get(path) ?? {};
    // Where the manifest has something, that is what Git knew.
    if (open !== undefined || (b !== undefined && seen.get(path)?.m === undefined)) before.set(path, { b, open });
  }
  try {
    return await restore(context, worktree, due.map((target) => new SeenRestoration(target.path, target, seen.get(target.path))), options);
  } finally {
    for (const { path } of due) {
      const { m } = seen.get(path) ?? {};
      const entry = before.get(path);
      worktree.index.update(path, { b: m ? { oid: m.oid, exec: m.exec } : entry?.b, open: entry?.open });
    }
    await worktree.index.save();
  }
}

function notesOn({ manifest, tracking }: Worktree, due: readonly Asset[]): string[] {
  const stray = due.filter(({ path }) => !manifest.has(path) && !tracking.matches(path));
  const [first] = stray;
  if (!first) return [];
  return [`${first.path}${stray.length > 1 ? ` and ${stray.length - 1} more match` : " matches"} no tracked pattern, so Git sees a plain file: git ballast track ${first.path}`];
}
