/*
 * What may differ from the last seal. A file that is listed as it was then has the content that it had then, whatever has
 * happened meanwhile; so whoever looks again looks at what is listed otherwise, at what another manifest says otherwise,
 * and at what Git does not know, and at nothing else. With many assets that is a fraction of the work.
 */
import { lstatSync } from "node:fs";
import { isBallastError } from "../errors.ts";
import type { Repository } from "../git/repository.ts";
import { findAsset } from "../manifest/find-asset.ts";
import { formatLine, formatProvisional, parseLine, sameAsset, type Asset, type Manifest, type Provisional } from "../manifest/manifest.ts";
import { patchManifest } from "../manifest/patch.ts";
import { fileStat } from "../object/stable-file.ts";
import { differingLines } from "../util/differing-lines.ts";
import { list, readListed, withListed, type Listed } from "./listing.ts";
import { isAsKnown, type Live } from "./seal.ts";
import { hasSealed, listableAgain, readSealed, writeSealed, type Listable, type Sealed } from "./sealed.ts";
import { openMoved, type Worktree } from "./session.ts";
import { isRacy } from "./stat-index.ts";
import { listTracked } from "./tracking.ts";

/** A worktree with the part of its manifest that there may be something to say about. */
export interface SinceSeal {
  readonly worktree: Worktree;
  /** The whole manifest file. */
  readonly manifest: Buffer;
  /** The paths to look at, those of new files included. */
  readonly paths: readonly string[];
  /** All paths at which the live manifest can be another one than the sealed one. */
  readonly changed: ReadonlySet<string>;
  readonly sealed: Sealed;
  readonly what: Listable;
  readonly now: Listing;
}

/** The files as they are listed now. */
interface Listing {
  readonly bytes: readonly Buffer[];
  /** Those that were not listed so when the disk was sealed, by path. */
  readonly changed: ReadonlyMap<string, Listed>;
  /** What was listed then in a way in which it is not listed now. */
  readonly gone: ReadonlySet<string>;
}

/** Of a larger part of all assets, looking at all of them tells as fast. */
const PART = 4;
/** In any case so many. */
const FEW = 64;

/**
 * @param manifestBytes the manifest, when it is at hand; else the file is read
 * @returns undefined where all has to be looked at: nothing is sealed, what the seal rests on has changed, or much has
 * @throws as `openWorktree`; NOT_UTF8
 */
export async function openSinceSeal(repository: Repository, manifestBytes?: Buffer): Promise<SinceSeal | undefined> {
  if (!hasSealed(repository)) return undefined;
  const { worktree, moved, bytes } = openMoved(repository, manifestBytes);
  if (bytes === undefined || worktree.restoring.size > 0) return undefined;
  const most = Math.max(FEW, worktree.index.size / PART);
  const what = moved.size <= most ? await listableAgain(worktree) : undefined;
  const sealed = what && readSealed(repository, what.questions);
  const listings = sealed && (await list(what!.questions, repository));
  if (what === undefined || sealed === undefined || listings === undefined) return undefined;
  const files = changedFiles(sealed.listings, listings, what, most);
  const lines = changedAssets(sealed.manifest, bytes, most);
  if (files === undefined || lines === undefined) return undefined;
  const changed = new Set([...files.gone, ...files.changed.keys(), ...lines, ...moved]);
  const manifest = new Map<string, Asset>();
  for (const path of changed) {
    const asset = findAsset(bytes, path);
    if (asset) manifest.set(path, asset);
  }
  const known = [...changed].filter((path) => manifest.has(path) || worktree.index.get(path) !== undefined);
  const paths = [...known, ...(await candidatesAmong(worktree, new Set(known), files.changed.keys()))];
  return { worktree: { ...worktree, manifest }, manifest: bytes, paths, changed, sealed, what, now: { bytes: listings, ...files } };
}

/** @returns undefined where more has changed than assets, or a name is not in UTF-8 */
function changedFiles(before: readonly Buffer[], now: readonly Buffer[], { beside }: Listable, most: number): Omit<Listing, "bytes"> | undefined {
  const gone = new Set<string>();
  const changed = new Map<string, Listed>();
  for (const [i, listing] of now.entries()) {
    const lines = differingLines(before[i]!, listing, 0, 2 * most);
    if (lines === undefined) return undefined;
    for (const [j, line] of [...lines.first, ...lines.second].entries()) {
      const listed = readListed(line);
      if (listed?.path === beside.index) continue;
      // .gitignore; Git's configuration or a hook, by a path that is absolute.
      if (listed === undefined || !listed.path.startsWith("./") || listed.path === beside.ignore) return undefined;
      const path = listed.path.slice(2);
      if (j < lines.first.length) gone.add(path);
      else changed.set(path, listed);
    }
  }
  return { gone, changed };
}

/** The paths whose lines differ; undefined where a line is none. */
function changedAssets(before: Buffer, now: Buffer, most: number): string[] | undefined {
  const lines = differingLines(before, now, LINE_FEED, 2 * most);
  try {
    return lines && [...lines.first, ...lines.second].map((line) => parseLine(line.toString("utf8"), "", 0).path);
  } catch (error) {
    if (!isBallastError(error)) throw error;
    return undefined;
  }
}

const LINE_FEED = 10;

/** Files that Git's own walk takes for new ones; it is not asked where there can be none. */
async function candidatesAmong({ repository, tracking }: Worktree, known: ReadonlySet<string>, listed: Iterable<string>): Promise<string[]> {
  const unknown = new Set([...listed].filter((path) => !known.has(path)));
  if (unknown.size === 0) return [];
  return (await listTracked(repository, tracking.patterns)).filter((path) => unknown.has(path));
}

/**
 * The manifest that the disk has.
 * @param assets of those that have changed, those that are there
 */
export function liveSince({ sealed, changed }: SinceSeal, assets: Manifest, provisional: Iterable<Provisional> = []): Buffer {
  const lines = new Map<string, string | undefined>();
  for (const path of changed) {
    const asset = assets.get(path);
    lines.set(path, asset && formatLine(asset));
  }
  for (const line of provisional) lines.set(line.path, formatProvisional(line));
  return patchManifest(sealed.manifest, lines);
}

/** As `seal`, by a look at what has changed. */
export async function sealAgain(since: SinceSeal, { bytes, assets }: Live): Promise<void> {
  const { worktree, what, now } = since;
  const { repository, index } = worktree;
  if (index.dirty || ![...since.changed].every((path) => isSealable(since, path, assets.get(path)))) return;
  await index.whileCurrent(async () => {
    const stat = fileStat(lstatSync(what.beside.index, { bigint: true }));
    writeSealed(repository, what, { listings: now.bytes.map((listing) => withListed(listing, what.beside.index, stat)), manifest: bytes });
  });
}

/** Whether the disk is known to have this at a path, or nothing, for whoever lists it as it is listed now. */
function isSealable({ worktree: { index }, now, sealed }: SinceSeal, path: string, asset: Asset | undefined): boolean {
  const listed = now.changed.get(path);
  const before = now.gone.has(path) ? undefined : findAsset(sealed.manifest, path);
  if (asset === undefined) {
    const entry = index.get(path);
    return listed === undefined && before === undefined && entry?.w === undefined && entry?.open === undefined;
  }
  const known = index.settled(path, asset);
  if (known === undefined || isRacy(known)) return false;
  return listed ? listed.type === "f" && isAsKnown(listed.stat, known) : sameAsset(asset, before);
}
