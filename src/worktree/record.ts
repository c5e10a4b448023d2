import type { Context } from "../context.ts";
import type { Asset } from "../manifest/manifest.ts";
import { addCaptured } from "./captured.ts";
import { keepNow, storeContents } from "./contents.ts";
import { liveAssets, observe, type ReadContents, type Seen } from "./observe.ts";
import { outsideProfile } from "./profile.ts";
import type { Worktree } from "./session.ts";
import { isRecordable, sameContent } from "./states.ts";
import { listTracked } from "./tracking.ts";

export interface Recorded {
  /** The manifest with everything recorded, by path. */
  readonly assets: Map<string, Asset>;
  readonly seen: ReadonlyMap<string, Seen>;
  /** How many paths have changed. */
  readonly changed: number;
}

/** Which paths are recorded; all when both are absent. */
export interface RecordOptions {
  readonly select?: (path: string) => boolean;
  /** No other path can have changed, nor be new. */
  readonly paths?: Iterable<string> | undefined;
}

/**
 * Takes what the user changed: stores every new content in the local store, and notes it as what Git knows. Neither
 * the manifest file nor Git's index is touched; the caller hands `assets` to Git or writes them.
 * @throws FILE_CHANGED, NOT_A_FILE, NOT_UTF8, DISK_FULL
 */
export async function record(context: Context, worktree: Worktree, { select, paths }: RecordOptions = {}): Promise<Recorded> {
  const { repository, index } = worktree;
  const candidates = paths ? [] : await listTracked(repository, worktree.tracking.patterns);
  const stored = new Set<string>();
  const store = storeContents(context);
  const read: ReadContents = (files, seen) => store(files, (content) => {
    stored.add(content.path);
    seen(content);
  });
  const seen = await observe(worktree, { read, candidates, outside: await outsideProfile(context), ...(select ? { select } : {}), paths });
  if (!select) warnOfBlocked(context, seen.values());
  const changes = [...seen.values()].filter(({ state }) => isRecordable(state));
  await keepNow(context, changes.filter(({ path }) => !stored.has(path)));
  addCaptured(repository, changes.flatMap(({ path, w, m }) => (w === undefined || w === "blocked" ? [] : [{ path, oid: w.oid, isNew: m === undefined }])));
  settleKnown(worktree, seen.values());
  for (const { path, w } of changes) {
    // A deletion stays one until Git has it: Git asks more than once, and an asset that was never there is none.
    if (w === undefined || w === "blocked") index.update(path, { told: true, open: undefined });
    else index.update(path, { b: { oid: w.oid, exec: w.exec }, open: undefined });
  }
  const assets = liveAssets(worktree, seen);
  await index.save();
  return { assets, seen, changed: changes.length };
}

/** Git shows nothing of an asset in whose place a link stands, say. */
function warnOfBlocked({ report }: Context, seen: Iterable<Seen>): void {
  for (const { path, state, m } of seen) {
    if (state === "blocked" && m) return report({ kind: "warning", message: `${path} stays as it was recorded: something that is no regular file stands in its place`, hint: "git ballast status" });
  }
}

/** Where disk and manifest agree, that is what Git knows. */
export function settleKnown(worktree: Worktree, seen: Iterable<Seen>): void {
  for (const { path, state, m } of seen) {
    if (state === "clean" && m !== undefined) {
      if (worktree.index.isSettledAs(path, m)) continue;
      const entry = worktree.index.get(path);
      if (entry?.open === undefined && sameContent(m, entry?.b)) continue;
      worktree.index.update(path, { b: { oid: m.oid, exec: m.exec }, open: undefined });
    } else if (state === "none") worktree.index.set(path, undefined);
  }
}
