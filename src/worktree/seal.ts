/*
 * The seal: by it sh sees that no asset has changed, so that Git's filter need not start Node. It says "while the files
 * are listed as they were, the disk has exactly this manifest", and is made by whoever has just looked at every asset:
 *
 *   GITDIR/ballast/sealed/<name>.files      a listing: see listing.ts
 *   GITDIR/ballast/sealed/<name>.manifest   the manifest that the disk has
 *   GITDIR/ballast/seal                     sh, which lists again, compares both, and sets `sealed` when they agree
 *
 * `<name>` is a hash of all three, so that parts of two seals are never taken for one. Besides the assets it lists what
 * the answer rests on: .gitignore, Git's configuration, and the index, whose writers break the seal first; and the hooks
 * that are ours, so that the filter is started, and mends them, when another program has written them anew.
 */
import { existsSync, lstatSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { hookFiles } from "../git/hooks.ts";
import { MANIFEST_PATH, worktreeState, type Repository } from "../git/repository.ts";
import type { Manifest } from "../manifest/manifest.ts";
import { OidHasher } from "../object/oid.ts";
import type { FileStat } from "../object/stable-file.ts";
import { shellQuote } from "../util/package-root.ts";
import { writeAtomically } from "../util/write-atomically.ts";
import { everyListed, list, listingArguments, type Listed } from "./listing.ts";
import type { Worktree } from "./session.ts";
import { isRacy, sameStat, type StatIndex } from "./stat-index.ts";

/** The manifest that the disk has, as its file and as assets. */
export interface Live {
  readonly bytes: Buffer;
  readonly assets: Manifest;
}

/**
 * Seals what was just seen, where it can be: every asset is on disk as the index knows it, Git knows it too, none is
 * racy or in question, and the tracked patterns can be listed. Otherwise, and when somebody else is at the index, nothing
 * happens.
 * @param startedNs a time before anything of `worktree` was read
 */
export async function seal({ repository, index, tracking }: Worktree, live: Live, startedNs: bigint): Promise<void> {
  if (index.dirty || !isSettled(index, live.assets)) return;
  const hooks = (await hookFiles(repository)).filter((file) => lstatSync(file, { throwIfNoEntry: false })?.isFile());
  const beside = { ignore: "./.gitignore", config: join(repository.commonDir, "config"), index: worktreeState(repository, "index"), hooks };
  const args = listingArguments(tracking.patterns, Object.values(beside).flat(), (path) => existsSync(join(repository.top, path)));
  if (args === undefined) return;
  await index.whileCurrent(async () => {
    const listing = await list(args, repository.top);
    if (!listing || !agrees(listing, { index, assets: live.assets, beside, startedNs })) return;
    write(repository, args, listing, live.bytes);
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
  readonly beside: { readonly ignore: string; readonly config: string; readonly index: string; readonly hooks: readonly string[] };
  readonly startedNs: bigint;
}

/** Whether the listing has the assets as they are in the index, what stands beside them as it was read, and no other file. */
function agrees(listing: Buffer, { index, assets, beside, startedNs }: Expected): boolean {
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
    const known = asset && index.settled(name, asset);
    return known !== undefined && sameStat(stat, known.stat) && stat.mode === (known.stat.mode & 0o7777n);
  };
  return everyListed(listing, passes) && left.size === 0 && others.size === 0;
}

function write(repository: Repository, args: readonly string[], listing: Buffer, manifest: Buffer): void {
  const command = `LC_ALL=C find ${args.map(shellQuote).join(" ")} 2>/dev/null`;
  const hasher = new OidHasher();
  for (const part of [Buffer.from(`${command}\0`), manifest, Buffer.from("\0"), listing]) hasher.update(part);
  const name = hasher.digest().slice(0, 32);
  const directory = worktreeState(repository, "sealed");
  mkdirSync(directory, { recursive: true });
  const [files, text] = [join(directory, `${name}.files`), join(directory, `${name}.manifest`)];
  writeFileSync(files, listing);
  writeFileSync(text, manifest);
  // The last word is what counts, so that a file that was cut off by a power failure seals nothing.
  const script = `${command} | cmp -s - ${shellQuote(files)} && cmp -s ${MANIFEST_PATH} ${shellQuote(text)} && sealed=yes\n`;
  writeAtomically(worktreeState(repository, "seal"), script);
  for (const old of readdirSync(directory)) if (!old.startsWith(`${name}.`)) rmSync(join(directory, old), { force: true });
}
