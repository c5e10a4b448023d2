import { lstatSync, type BigIntStats } from "node:fs";
import { join } from "node:path";
import { sameAsset, type Asset } from "../manifest/manifest.ts";
import { directoriesOf } from "../manifest/place.ts";
import type { Oid } from "../object/oid.ts";
import { fileStat, type FileStat } from "../object/stable-file.ts";
import { collectGarbage } from "../util/collect-garbage.ts";
import { asKnown, Indexed, isDirectory, isExecutable, isRegular, otherwise, type Seen } from "./seen.ts";
import { isRacy, nowNs, sameStat, UNKNOWN_OID, type Hashed, type IndexEntry, type StatIndex } from "./stat-index.ts";
import { knownAt } from "./restoring.ts";
import { stateOf, type OnDisk } from "./states.ts";
import type { Worktree } from "./session.ts";

export type { Seen };

/** What reading a file's content gives. */
export interface ReadContent {
  readonly path: string;
  readonly oid: Oid;
  readonly stat: FileStat;
}

/** A file that has to be read to be known. */
export interface FileToRead {
  readonly path: string;
  readonly sizeBytes: number;
}

/**
 * Reads the content of files that changed: hashes it, or hashes and stores it.
 * @param read gets each as it comes, since there may be a million; files that vanished are left out
 */
export type ReadContents = (files: readonly FileToRead[], read: (content: ReadContent) => void) => Promise<void>;

export interface ObserveOptions {
  readonly read: ReadContents;
  /** Files larger than this are not read but answered provisionally. */
  readonly lookLimitBytes?: number;
  /** Narrows the paths; all when absent. */
  readonly select?: (path: string) => boolean;
  /** These paths are looked at instead of all that manifest, index and `candidates` know. */
  readonly paths?: Iterable<string> | undefined;
  /** Which paths this worktree does not want: see profile.ts. None when absent. */
  readonly outside?: (path: string) => boolean;
  /** Also the files on disk that match a tracked pattern and are not known yet. */
  readonly candidates: readonly string[];
}

/**
 * Every path that the manifest, the index or the tracked patterns know, with its state. Reads only what a stat cannot
 * answer. Updates the cached contents in the index, never what Git last knew.
 */
export async function observe(worktree: Worktree, options: ObserveOptions): Promise<Map<string, Seen>> {
  const { index } = worktree;
  const startedNs = nowNs();
  const directories = new DirectoryCheck(worktree.repository.top);
  const seen = new Map<string, Seen>();
  const absent: string[] = [];
  const unknown: { readonly path: string; readonly stat: FileStat }[] = [];
  const toRead: FileToRead[] = [];
  const isLarge = ({ size }: FileStat): boolean => Number(size) > (options.lookLimitBytes ?? Infinity);
  const note = (path: string, look: Look): void => void seen.set(path, see(worktree, path, look));
  const read = (path: string, stat: FileStat): void => {
    if (isLarge(stat)) note(path, { stat: fileStat(stat), provisional: true });
    else toRead.push({ path, sizeBytes: Number(stat.size) });
  };
  let others = 0;
  for (const path of options.paths ?? pathsOf(worktree, options.candidates)) {
    if (seen.has(path) || options.select?.(path) === false) continue;
    const stat = directories.lstat(path);
    const clean = asKnown(worktree, path, stat);
    // Keeps the place of the others, which come last.
    seen.set(path, clean ?? UNSEEN);
    if (clean) continue;
    // Each leaves more behind than is kept of it.
    if (++others === MANY) collectGarbage(others);
    if (stat === undefined) absent.push(path);
    else if (!isRegular(stat)) note(path, { stat: fileStat(stat) });
    else {
      const entry = index.get(path);
      const cached = knownContent(entry);
      // Whoever merely looks at a large file takes an unchanged stat for an answer, even a racy one.
      if (cached !== undefined && sameStat(cached.stat, stat) && (isLarge(stat) || !isRacy(cached))) note(path, { entry, stat: cached.stat, content: cached });
      else if (cached !== undefined || index.size === 0) read(path, stat);
      else unknown.push({ path, stat: fileStat(stat) });
    }
  }

  const renames = new RenameFinder(absent, index);
  for (const { path, stat } of unknown) {
    const oid = renames.find(stat);
    if (oid === undefined) read(path, stat);
    else note(path, { stat, content: { oid, stat, hashedAtNs: startedNs } });
  }
  const outside = (path: string): boolean => options.outside?.(path) === true;
  await options.read(toRead, ({ path, oid, stat }) => note(path, { stat, content: { oid, stat, hashedAtNs: startedNs } }));
  for (const { path } of toRead) if (seen.get(path) === UNSEEN) note(path, { outside: outside(path) });
  for (const path of absent) note(path, { outside: outside(path) });

  for (const { path, state } of seen.values()) if (state === "new") makeRoom(worktree, path, seen);
  return seen;
}

/**
 * No manifest has room for an asset and for a directory of assets in its place. Who put a new one there has deleted the other,
 * if that was here and is among what is looked at; else the new one waits.
 */
function makeRoom({ manifest, index, stamped }: Worktree, path: string, seen: Map<string, Seen>): void {
  for (const directory of directoriesOf(path)) {
    if (!manifest.has(directory)) continue;
    const sight = seen.get(directory);
    if (stamped && sight?.state === "blocked" && sight.b !== undefined && index.get(directory)?.open === undefined) seen.set(directory, otherwise(sight, { w: undefined, state: "deleted" }));
    if (seen.get(directory)?.state !== "deleted") return void seen.set(path, otherwise(seen.get(path)!, { state: "blocked" }));
  }
}

/** What a look at a path has found. */
interface Look {
  /** Where it was asked for already. */
  readonly entry?: IndexEntry | undefined;
  readonly stat?: FileStat | undefined;
  readonly content?: Known | undefined;
  readonly provisional?: boolean;
  readonly outside?: boolean;
}

function see(worktree: Worktree, path: string, { stat, content, provisional = false, outside = false, ...look }: Look): Seen {
  const { index } = worktree;
  const entry = look.entry ?? index.get(path);
  const m = worktree.manifest.get(path);
  const exec = content !== undefined && worktree.fileMode ? isExecutable(content.stat) : (m ?? entry?.b)?.exec === true;
  let w: OnDisk;
  const cached = entry?.w !== undefined && content === entry.w && entry.w.exec === exec ? entry.w : undefined;
  if (content) w = cached ?? { oid: content.oid, exec };
  else if (provisional) w = { oid: PROVISIONAL, exec };
  else if (stat && !(m === undefined && isDirectory(stat))) w = "blocked";
  if (!provisional && !cached) remember(worktree, path, entry, content && { oid: content.oid, exec, stat: content.stat, hashedAtNs: content.hashedAtNs });
  const tracked = m === undefined && w !== undefined && worktree.tracking.matches(path);
  const b = knownAt(worktree.restoring, path, { w, b: entry?.b });
  if (b !== entry?.b) index.update(path, { b });
  const state = stateOf(worktree.stamped, { w, m, b, tracked, open: entry?.open, told: isTold(entry, stat), outside });
  return provisional || w === "blocked" ? { path, state, w, m, b, stat: provisional ? stat : undefined, provisional } : new Indexed(path, state, m, index);
}

/** Stands for a content that is not known; equal to none. */
const PROVISIONAL = "provisional" as Oid;

function remember(worktree: Worktree, path: string, entry: IndexEntry | undefined, w: Hashed | undefined): void {
  if (w === undefined) {
    if (entry?.w !== undefined) worktree.index.update(path, { w: undefined, told: false });
    return;
  }
  const old = entry?.w;
  const told = isTold(entry, w.stat);
  if (old?.hashedAtNs !== w.hashedAtNs || old.oid !== w.oid || old.exec !== w.exec || !sameStat(old.stat, w.stat)) worktree.index.update(path, { w, told });
}

function knownContent(entry: IndexEntry | undefined): Hashed | undefined {
  return entry?.w?.oid === UNKNOWN_OID ? undefined : entry?.w;
}

/** Whether the file is still the very edit (or deletion) that Git was told of. */
function isTold(entry: IndexEntry | undefined, stat: FileStat | undefined): boolean {
  if (entry?.told !== true) return false;
  return entry.w === undefined || stat === undefined ? entry.w === undefined && stat === undefined : sameStat(entry.w.stat, stat);
}

/** A content that need not be read again. */
type Known = Omit<Hashed, "exec">;

/** All paths that there may be something to know about, some of them twice. */
function* pathsOf({ manifest, index, restoring }: Worktree, candidates: readonly string[]): Generator<string> {
  yield* manifest.keys();
  yield* index.paths();
  yield* restoring.keys();
  yield* candidates;
}

/** So many that have to be looked at are worth to have V8 look for garbage early. */
const MANY = 20_000;

/** Stands for a path that is still being looked at. */
const UNSEEN = { path: "", state: "none", w: undefined, m: undefined, b: undefined, stat: undefined, provisional: false } as const satisfies Seen;

/** A renamed file keeps its inode, size and modification time, so its content is known without reading. */
class RenameFinder {
  readonly #absent: readonly string[];
  readonly #index: StatIndex;
  #gone: ReadonlyMap<string, Hashed> | undefined;

  /** @param absent the paths where nothing is */
  constructor(absent: readonly string[], index: StatIndex) {
    this.#absent = absent;
    this.#index = index;
  }

  find(stat: FileStat): Oid | undefined {
    this.#gone ??= this.#whatIsGone();
    const hashed = this.#gone.get(`${stat.dev}:${stat.ino}`);
    if (hashed === undefined || isRacy(hashed) || hashed.stat.size !== stat.size || hashed.stat.mtimeNs !== stat.mtimeNs) return undefined;
    return hashed.oid;
  }

  /** Made when the first new file is met: mostly there is none. */
  #whatIsGone(): Map<string, Hashed> {
    const gone = new Map<string, Hashed>();
    for (const path of this.#absent) {
      const hashed = this.#index.get(path)?.w;
      if (hashed) gone.set(`${hashed.stat.dev}:${hashed.stat.ino}`, hashed);
    }
    return gone;
  }
}

/** lstat that sees a path below a symbolic link as blocked, and one below a file as absent, and follows neither. */
export class DirectoryCheck {
  /** The top with a slash: joining paths that are normal already costs more than the stat. */
  readonly #prefix: string;
  readonly #known = new Map<string, BigIntStats | "directory" | undefined>();

  constructor(top: string) {
    this.#prefix = join(top, "/");
  }

  lstat(path: string): BigIntStats | undefined {
    const parent = this.#directory(path.slice(0, Math.max(0, path.lastIndexOf("/"))));
    if (parent !== "directory") return parent;
    return lstatSync(this.#prefix + path, { bigint: true, throwIfNoEntry: false });
  }

  /** "directory", or the stat of what stands in its way, or undefined when nothing is there, or a file. */
  #directory(directory: string): BigIntStats | "directory" | undefined {
    if (directory === "") return "directory";
    if (this.#known.has(directory)) return this.#known.get(directory);
    const parent = this.#directory(directory.slice(0, Math.max(0, directory.lastIndexOf("/"))));
    let answer = parent;
    if (parent === "directory") {
      const stat = lstatSync(this.#prefix + directory, { bigint: true, throwIfNoEntry: false });
      answer = stat?.isDirectory() ? "directory" : stat?.isFile() ? undefined : stat;
    }
    this.#known.set(directory, answer);
    return answer;
  }
}

/** What the manifest would be if everything that can be recorded were recorded. */
export function liveAssets(worktree: Worktree, seen: ReadonlyMap<string, Seen>): Map<string, Asset> {
  const assets = new Map(worktree.manifest);
  for (const sight of seen.values()) {
    // What is not asked of many clean ones need not be looked up.
    const asset = sight.state === "clean" ? "unchanged" : recordedAs(sight);
    if (asset === "unchanged") continue;
    if (asset === undefined) assets.delete(sight.path);
    else if (!sameAsset(asset, sight.m)) assets.set(sight.path, asset);
  }
  return assets;
}

/** The manifest line that recording this path gives (undefined: none), or "unchanged". */
export function recordedAs({ state, path, w, stat, provisional }: Seen): Asset | undefined | "unchanged" {
  if (state === "deleted") return undefined;
  if ((state !== "modified" && state !== "new") || w === undefined || w === "blocked" || stat === undefined || provisional) return "unchanged";
  return { path, oid: w.oid, sizeBytes: Number(stat.size), exec: w.exec };
}
