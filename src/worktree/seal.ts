/*
 * The seal: by it sh sees that no asset has changed, so that Git's filter need not start Node. It says "while the files
 * are listed as they were, the disk has exactly this manifest", and is made by whoever has just looked at every asset, or
 * at every one that has changed since the last seal (since-seal.ts). Its files are in sealed.ts.
 *
 * Besides the assets it lists what the answer rests on: .gitignore, Git's configuration, and the index, whose writers break
 * the seal first; and the hooks that are ours, so that the filter is started, and mends them, when another program has
 * written them anew.
 */
import type { Manifest } from "../manifest/manifest.ts";
import type { FileStat } from "../object/stable-file.ts";
import { partFor } from "./apart.ts";
import { everyListed, list, type Listed } from "./listing.ts";
import { listable, writeSealed, type Listable } from "./sealed.ts";
import type { Worktree } from "./session.ts";
import { isRacy, sameStat, type Hashed, type StatIndex } from "./stat-index.ts";

/** The manifest that the disk has. */
export interface Live {
  readonly bytes: Buffer;
  /** All of them, or those that can be others than before. */
  readonly assets: Manifest;
  readonly isAll: boolean;
}

/**
 * Seals what was just seen, where it can be: every asset is on disk as the index knows it, Git knows it too, none is
 * racy or in question, and the tracked patterns can be listed. Otherwise, and when somebody else is at the index, nothing
 * happens.
 * @param startedNs a time before anything of `worktree` was read
 */
export async function seal(worktree: Worktree, live: Live, startedNs: bigint): Promise<void> {
  const { repository, index } = worktree;
  if (index.dirty || !isSettled(index, live.assets)) return;
  const what = await listable(worktree, partFor([...live.assets.keys()]));
  if (what === undefined) return;
  await index.whileCurrent(async () => {
    const listings = await list(what.questions, repository);
    if (!listings || !agrees(listings, { index, assets: live.assets, beside: what.beside, startedNs })) return;
    writeSealed(repository, what, { listings, manifest: live.bytes });
  });
}

/** Whether the index has each of these assets as one that nobody has to look at again, and nothing else on disk. */
function isSettled(index: StatIndex, assets: Manifest): boolean {
  for (const [path, asset] of assets) {
    const w = index.settled(path, asset);
    if (w === undefined || isRacy(w)) return false;
  }
  for (const path of index.paths()) {
    if (assets.has(path)) continue;
    const { w, open } = index.get(path)!;
    if (w !== undefined || open !== undefined) return false;
  }
  return true;
}

interface Expected {
  readonly index: StatIndex;
  readonly assets: Manifest;
  readonly beside: Listable["beside"];
  readonly startedNs: bigint;
}

/** Whether the listings have the assets as they are in the index, what stands beside them as it was read, and no other file. */
function agrees(listings: readonly Buffer[], { index, assets, beside, startedNs }: Expected): boolean {
  const left = new Set(assets.keys());
  const others = new Set<string>([beside.ignore, beside.config, beside.index, ...beside.hooks]);
  const isAsRead = (path: string, stat: FileStat): boolean => {
    if (path === beside.index) return index.identity === `${stat.ino}:${stat.size}:${stat.mtimeNs}`;
    // Read before it was listed: it must not have been written since, nor be writable again within the same tick.
    return !isRacy({ stat, hashedAtNs: startedNs });
  };
  const passes = ({ type, path, stat }: Listed): boolean => {
    if (type !== "f") return false;
    if (others.delete(path)) return isAsRead(path, stat);
    const name = path.slice(2);
    const asset = path.startsWith("./") && left.delete(name) ? assets.get(name) : undefined;
    return asset !== undefined && isAsKnown(stat, index.settled(name, asset));
  };
  return listings.every((listing) => everyListed(listing, passes)) && left.size === 0 && others.size === 0;
}

/** Whether a file is listed as it was when it was hashed. */
export function isAsKnown(listed: FileStat, known: Hashed | undefined): boolean {
  return known !== undefined && sameStat(listed, known.stat) && listed.mode === (known.stat.mode & 0o7777n);
}
