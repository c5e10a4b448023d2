import type { Context } from "../context.ts";
import type { Repository } from "../git/repository.ts";
import { addCaptured } from "./captured.ts";
import { keepNow, storeContents } from "./contents.ts";
import { list } from "./listing.ts";
import { observe } from "./observe.ts";
import { outsideProfile } from "./profile.ts";
import { isRecorded } from "./recorded.ts";
import { listableAgain, readSealed } from "./sealed.ts";
import { openWorktree } from "./session.ts";
import { openSinceSeal } from "./since-seal.ts";
import { sameContent, type Content } from "./states.ts";
import { listTracked, readTracking } from "./tracking.ts";

/**
 * Has the local store hold what is on disk and in no manifest, without recording it: Git, which takes ignored files for
 * expendable, is about to put files of its own in their place, and asks nobody before.
 * @param manifest what Git has staged, where the file is not there any more
 * @throws FILE_CHANGED, NOT_A_FILE, NOT_UTF8, DISK_FULL
 */
export async function keepEdits(context: Context, manifest?: Buffer): Promise<void> {
  const { repository } = context;
  if (await isKept(repository)) return;
  const since = await openSinceSeal(repository, manifest);
  const worktree = since?.worktree ?? openWorktree(repository, manifest);
  const candidates = since ? [] : await listTracked(repository, worktree.tracking.patterns);
  const seen = await observe(worktree, { read: storeContents(context), candidates, paths: since?.paths, outside: await outsideProfile(context) });
  const edits = [...seen.values()].flatMap((sight) => {
    const { path, w, m, stat } = sight;
    return w === undefined || w === "blocked" || sameContent(w, m) ? [] : [{ path, w: w as Content, stat, isNew: m === undefined }];
  });
  await keepNow(context, edits);
  addCaptured(repository, edits.map(({ path, w, isNew }) => ({ path, oid: w.oid, isNew })));
  await worktree.index.save(0);
}

/** Whether the disk is as the filter recorded it last, as in the middle of a stash. */
async function isKept(repository: Repository): Promise<boolean> {
  const what = await listableAgain({ repository, tracking: readTracking(repository) });
  const sealed = what && readSealed(repository, what.questions);
  if (sealed === undefined || !isRecorded(repository, sealed.manifest)) return false;
  const listings = await list(what!.questions, repository);
  return listings?.every((listing, i) => listing.equals(sealed.listings[i]!)) === true;
}
