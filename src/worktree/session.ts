import { existsSync, readFileSync } from "node:fs";
import { MANIFEST_PATH, worktreeState, type Repository } from "../git/repository.ts";
import { manifestPieces, parseManifest, type Asset, type Manifest } from "../manifest/manifest.ts";
import { readRestoring, type Restoring } from "./restoring.ts";
import { StatIndex } from "./stat-index.ts";
import { isStamped, manifestFile, manifestNow, writeStamped, type ManifestFile } from "./stamp.ts";
import { readTracking, type Tracking } from "./tracking.ts";

/** One worktree as a command finds it: the manifest file, the index and the tracked patterns. */
export interface Worktree {
  readonly repository: Repository;
  /** What the manifest file says; empty when there is none. */
  readonly manifest: Manifest;
  /** The file that it was read from. */
  readonly file: ManifestFile;
  readonly stamped: boolean;
  readonly index: StatIndex;
  readonly tracking: Tracking;
  /** What a run that was killed may have restored without telling the index. */
  readonly restoring: Restoring;
  /** Whether executable bits count (`core.fileMode`). */
  readonly fileMode: boolean;
}

/**
 * @param manifestBytes the manifest, when it is at hand; else the file is read
 * @throws MANIFEST_INVALID, MANIFEST_VERSION, PATH_REFUSED, CONFLICT
 */
export function openWorktree(repository: Repository, manifestBytes?: Uint8Array): Worktree {
  return open(repository, () => (manifestBytes ? parseManifest(manifestBytes, MANIFEST_PATH) : readManifestFile(repository)));
}

/** See {@link openMoved}. */
export interface Moved {
  readonly worktree: Worktree;
  readonly moved: ReadonlySet<string>;
  /** The manifest file; undefined when there is none. */
  readonly bytes: Buffer | undefined;
}

/**
 * The worktree with that part of its manifest in which something can be to do after Git has rewritten it. Where M = B,
 * nothing is marked open and Git was told of no edit, each row of the state table for a rewritten manifest leaves the
 * file and the index alone, whatever is on disk.
 * @param manifestBytes as in {@link openWorktree}
 * @returns `moved`: the paths of that part, and those that the manifest does not have any more
 * @throws as {@link openWorktree}
 */
export function openMoved(repository: Repository, manifestBytes?: Buffer): Moved {
  let moved = new Set<string>();
  let bytes = manifestBytes;
  const worktree = open(repository, ({ index, restoring }) => {
    const file = manifestFile(repository);
    bytes ??= existsSync(file) ? readFileSync(file) : undefined;
    const part = bytes && restoring.size === 0 ? index.moved(bytes) : undefined;
    if (part !== undefined) {
      moved = new Set(part.keys());
      return new Map([...part].filter((each): each is [string, Asset] => each[1] !== undefined));
    }
    const manifest: Manifest = bytes ? parseManifest(bytes, MANIFEST_PATH) : new Map();
    for (const [path, asset] of manifest) if (restoring.has(path) || !index.isSettledAs(path, asset)) moved.add(path);
    for (const path of [...index.paths(), ...restoring.keys()]) if (!manifest.has(path)) moved.add(path);
    return manifest;
  });
  return { worktree, moved, bytes };
}

function open(repository: Repository, manifestOf: (beside: Pick<Worktree, "index" | "restoring">) => Manifest): Worktree {
  // The stamp is read before the file: a rewrite in between then counts as a rewrite.
  const stamped = isStamped(repository);
  const file = manifestNow(repository);
  const index = StatIndex.open(worktreeState(repository, "index"));
  const restoring = readRestoring(repository);
  return { repository, file, manifest: manifestOf({ index, restoring }), stamped, index, tracking: readTracking(repository), restoring, fileMode: fileModeCounts(repository) };
}

/** The manifest file's assets; none when there is no file. */
export function readManifestFile(repository: Repository): Manifest {
  const file = manifestFile(repository);
  return existsSync(file) ? parseManifest(readFileSync(file), MANIFEST_PATH) : new Map();
}

/** Replaces the manifest file, stamped. */
export function writeManifestFile(repository: Repository, assets: Iterable<Asset>): void {
  writeStamped(repository, manifestPieces(assets));
}

/** Whether this repository was initialised: its manifest is there, or Git or we remember one. */
export function isInitialised(repository: Repository): boolean {
  return existsSync(manifestFile(repository)) || existsSync(worktreeState(repository, "index"));
}

function fileModeCounts(repository: Repository): boolean {
  if (process.platform === "win32") return false;
  try {
    return !/^\s*filemode\s*=\s*false/im.test(readFileSync(`${repository.commonDir}/config`, "utf8"));
  } catch {
    return true;
  }
}

