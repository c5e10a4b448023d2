import { rmSync } from "node:fs";
import type { Context } from "../context.ts";
import { worktreeState } from "../git/repository.ts";
import { collectGarbage } from "../util/collect-garbage.ts";
import { manifestBytes, type Asset, type Provisional } from "../manifest/manifest.ts";
import { hashContents } from "./contents.ts";
import { requestFollow } from "./follow.ts";
import { liveAssets, observe, type Seen } from "./observe.ts";
import { outsideProfile } from "./profile.ts";
import { record } from "./record.ts";
import { noteRecorded } from "./recorded.ts";
import { openWorktree } from "./session.ts";
import { seal, type Live } from "./seal.ts";
import { liveSince, openSinceSeal, sealAgain } from "./since-seal.ts";
import { nowNs, UNKNOWN_OID } from "./stat-index.ts";
import { isRecordable } from "./states.ts";
import { listTracked } from "./tracking.ts";

/** Files above this size are not hashed for somebody who merely looks, in bytes. */
const LOOK_LIMIT = 64 * 1024 * 1024;

/**
 * The manifest as the disk has it, for Git to record: every new content is in the local store when this returns.
 * @param follows whether it goes into the worktree's own index, which the manifest file then follows
 * @throws as {@link record}
 */
export async function recordLive(context: Context, { follows }: { follows: boolean }): Promise<Buffer> {
  const startedNs = nowNs();
  const since = await openSinceSeal(context.repository);
  const worktree = since?.worktree ?? openWorktree(context.repository);
  const { assets, changed } = await record(context, worktree, { paths: since?.paths });
  rmSync(worktreeState(context.repository, "failed"), { force: true });
  const live: Live = { bytes: since ? liveSince(since, assets) : manifestBytes(assets.values()), assets, isAll: since === undefined };
  // All that was seen, and the text, are done with.
  collectGarbage(changed);
  if (changed > 0 && follows) {
    const before = (): Buffer => since?.manifest ?? manifestBytes(worktree.manifest.values());
    await noteRecorded(context.repository, { assets: worktree.manifest, bytes: before }, live);
    requestFollow(context.repository, live.bytes);
  }
  await (since ? sealAgain(since, live) : seal(worktree, live, startedNs));
  return live.bytes;
}

/** The manifest as the disk has it, for somebody who merely looks: large edits are provisional, nothing is stored. */
export async function lookLive(context: Context): Promise<Buffer> {
  const startedNs = nowNs();
  const since = await openSinceSeal(context.repository);
  const worktree = since?.worktree ?? openWorktree(context.repository);
  const candidates = since ? [] : await listTracked(context.repository, worktree.tracking.patterns);
  const seen = await observe(worktree, { read: hashContents(context), paths: since?.paths, candidates, outside: await outsideProfile(context), lookLimitBytes: LOOK_LIMIT });
  const provisional: Provisional[] = [];
  let differ = 0;
  for (const sight of seen.values()) {
    const { path, w, m, b, state } = sight;
    // A lost index is learned again: else a file that is deleted later would count as one that was never there.
    const entry = state === "clean" && b === undefined ? worktree.index.get(path) : undefined;
    if (m && entry && entry.b === undefined && entry.open === undefined) worktree.index.update(path, { b: { oid: m.oid, exec: m.exec } });
    if (!isRecordable(state) && state !== "conflict") continue;
    differ += 1;
    const { provisional: unknown, stat } = sight;
    if (state !== "conflict") worktree.index.update(path, { told: true });
    if (!unknown || !stat || w === undefined || w === "blocked") continue;
    worktree.index.update(path, { w: { oid: UNKNOWN_OID, exec: w.exec, stat, hashedAtNs: 0n } });
    provisional.push({ path, sizeBytes: Number(stat.size), mtimeNs: stat.mtimeNs });
  }
  const assets = withConflicts(liveAssets(worktree, seen), seen.values());
  await worktree.index.save(0);
  collectGarbage(differ);
  const live: Live = { bytes: since ? liveSince(since, assets, provisional) : manifestBytes(assets.values(), provisional), assets, isAll: since === undefined };
  if (provisional.length === 0 && worktree.stamped) await (since ? sealAgain(since, live) : seal(worktree, live, startedNs));
  return live.bytes;
}

/** Nothing records a conflict, but whoever looks shall see that the disk has something else than the manifest. */
function withConflicts(assets: Map<string, Asset>, seen: Iterable<Seen>): Map<string, Asset> {
  for (const sight of seen) {
    if (sight.state !== "conflict" || sight.provisional || sight.w === "blocked") continue;
    const { path, w, stat } = sight;
    if (w === undefined || stat === undefined) assets.delete(path);
    else assets.set(path, { path, oid: w.oid, sizeBytes: Number(stat.size), exec: w.exec });
  }
  return assets;
}
