import { chmodSync, existsSync, lstatSync, mkdirSync, readdirSync, renameSync, rmdirSync, rmSync, statSync, unlinkSync } from "node:fs";
import { dirname, join, sep } from "node:path";
import type { Context } from "../context.ts";
import { BallastError, fromSystemError, systemCode } from "../errors.ts";
import { worktreeState } from "../git/repository.ts";
import type { Asset } from "../manifest/manifest.ts";
import { checkPath } from "../manifest/path.ts";
import type { Oid } from "../object/oid.ts";
import { fileStat, type FileStat } from "../object/stable-file.ts";
import { DirectoryCheck, type Seen } from "./observe.ts";
import { keepContents } from "./contents.ts";
import { materialiseEach, type Missing } from "./materialise-each.ts";
import { forgetRestoring, noteRestoring } from "./restoring.ts";
import type { Worktree } from "./session.ts";
import { nowNs, sameStat } from "./stat-index.ts";
import { makeReadOnly, writableByLock } from "./write-protection.ts";

/** One path to bring to what the manifest says. */
export interface Restoration {
  readonly path: string;
  /** Undefined: the file is removed. */
  readonly target: Asset | undefined;
  /** What the decision was made on: the file's stat, or undefined when nothing was there. */
  readonly expect: FileStat | undefined;
}

/** A restoration of what was seen at a path. Of its stat nothing is kept: there may be a million. */
export class SeenRestoration implements Restoration {
  readonly path: string;
  readonly target: Asset | undefined;
  readonly #sight: Seen | undefined;

  /** @param sight which tells of the file as it is until it is replaced */
  constructor(path: string, target: Asset | undefined, sight: Seen | undefined) {
    this.path = path;
    this.target = target;
    this.#sight = sight;
  }

  get expect(): FileStat | undefined {
    return this.#sight?.stat;
  }
}

export interface RestoreResult {
  readonly restored: string[];
  readonly removed: string[];
  /** Left as they were, since their content is out of reach. */
  readonly missing: Missing[];
  readonly archived: { path: string; oid: Oid; expectedHours?: number | undefined }[];
  readonly bytes: number;
}

/**
 * Brings paths to what the manifest says. A file that is replaced or removed has its content in a store first; it is
 * replaced by one rename, after the new content was verified, and only if it is still the file that was looked at.
 */
export async function restore(
  context: Context,
  worktree: Worktree,
  list: readonly Restoration[],
  options: { restoreArchived?: boolean } = {},
): Promise<RestoreResult> {
  const result: RestoreResult = { restored: [], removed: [], missing: [], archived: [], bytes: 0 };
  if (list.length === 0) return result;
  const { top } = context.repository;
  await keepContents(context, worktree, list);
  noteRestoring(context.repository, list);
  worktree.index.whenSaved(() => forgetRestoring(context.repository));
  for (const { path, expect } of list.filter(({ target }) => target === undefined)) {
    if (removeFile(context, path, expect)) result.removed.push(path);
    worktree.index.set(path, undefined);
  }
  const wanted: Asset[] = [];
  const due = new Map<string, Restoration>();
  for (const one of list) {
    const { path, target } = one;
    if (target) wanted.push(target.path === path ? target : { ...target, path });
    if (target) due.set(path, one);
  }
  let bytes = 0;
  const writable = await writableByLock(context, wanted.map(({ path }) => path));
  const temporaryDirectory = temporaryRoot(context, top);
  const outcome = await materialiseEach(context, { wanted, temporaryDirectory, ...options }, (asset, temporary) => {
    if (writable.get(asset.path) === false) makeReadOnly(temporary);
    placeFile(top, asset.path, temporary, due.get(asset.path)?.expect);
    const stat = fileStat(lstatSync(join(top, asset.path), { bigint: true }));
    const content = { oid: asset.oid, exec: asset.exec };
    worktree.index.set(asset.path, { w: { ...content, stat, hashedAtNs: nowNs() }, b: content });
    result.restored.push(asset.path);
    bytes += asset.sizeBytes;
  });
  result.missing.push(...outcome.missing);
  result.archived.push(...outcome.archived);
  for (const { path } of [...outcome.missing, ...outcome.archived]) if (due.get(path)?.expect) worktree.index.update(path, { open: "restore" });
  await calmDown(worktree, wanted);
  return { ...result, bytes };
}

/** A directory for temporary files on the worktree's file system, emptied of what a killed run left. */
export function temporaryRoot(context: Context, top: string): string {
  const inGit = worktreeState(context.repository, "tmp");
  mkdirSync(inGit, { recursive: true });
  if (statSync(inGit).dev !== statSync(top).dev) return join(top, ".ballast");
  const dayAgo = Date.now() - 24 * 3600 * 1000;
  for (const name of readdirSync(inGit)) {
    const file = join(inGit, name);
    const stat = statSync(file, { throwIfNoEntry: false });
    if (stat && stat.mtimeMs < dayAgo) rmSync(file, { force: true });
  }
  return inGit;
}

/** Renames `temporary` into place. @throws FILE_CHANGED, NOT_A_FILE, PATH_REFUSED; the temporary file is gone then */
export function placeFile(top: string, path: string, temporary: string, expect: FileStat | undefined): void {
  try {
    checkPath(path);
    makeParents(top, path);
    const now = lstatSync(join(top, path), { bigint: true, throwIfNoEntry: false });
    if (now && !now.isFile()) {
      throw new BallastError("NOT_A_FILE", `${path} is not restored: something that is no regular file stands in its place`, { hint: `move it away, then git ballast checkout ${path}` });
    }
    if (expect ? !now || !sameStat(fileStat(now), expect) : now) {
      throw new BallastError("FILE_CHANGED", `${path} is not restored: it changed in this moment`, { hint: "run git ballast status" });
    }
    // Windows replaces no file that is read-only.
    if (now && process.platform === "win32") chmodSync(join(top, path), 0o666);
    renameSync(temporary, join(top, path));
  } catch (error) {
    rmSync(temporary, { force: true });
    throw fromSystemError(error, `cannot restore ${path}`);
  }
}

/** Creates the directories above `path` one by one, never through a symbolic link. */
function makeParents(top: string, path: string): void {
  const parts = path.split("/").slice(0, -1);
  let directory = top;
  for (const part of parts) {
    directory = join(directory, part);
    const stat = lstatSync(directory, { throwIfNoEntry: false });
    if (stat === undefined) {
      try {
        mkdirSync(directory);
      } catch (error) {
        if (systemCode(error) !== "EEXIST") throw error;
      }
    } else if (!stat.isDirectory()) {
      throw new BallastError("PATH_REFUSED", `${path} is not restored: ${directory.slice(top.length + 1)} is ${stat.isSymbolicLink() ? "a symbolic link" : "not a directory"}`, {
        hint: "move it away, then git ballast checkout",
      });
    }
  }
}

/** Removes a file whose content is in a store, and the directories that it leaves empty, but never where the user stands, as Git. */
function removeFile({ repository: { top }, cwd }: Context, path: string, expect: FileStat | undefined): boolean {
  const file = join(top, path);
  const now = new DirectoryCheck(top).lstat(path);
  if (!now?.isFile() || expect === undefined || !sameStat(fileStat(now), expect)) return false;
  try {
    unlinkSync(file);
  } catch (error) {
    throw fromSystemError(error, `cannot remove ${path}`);
  }
  for (let directory = dirname(file); directory !== top && !`${cwd}${sep}`.startsWith(`${directory}${sep}`); directory = dirname(directory)) {
    try {
      rmdirSync(directory);
    } catch {
      break;
    }
  }
  return true;
}

/** Enough restored bytes that hashing them again for being racy would be felt. */
const WORTH_WAITING_BYTES = 32 * 1024 * 1024;

/**
 * A file that was just restored is racy, and would be hashed again by the next look. When that is much, waits until
 * the moment has passed and looks at the times once more instead.
 */
async function calmDown(worktree: Worktree, restored: readonly Asset[]): Promise<void> {
  const bytes = restored.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  if (bytes < WORTH_WAITING_BYTES) return;
  await new Promise((resolve) => setTimeout(resolve, 120));
  const hashedAtNs = nowNs();
  for (const { path } of restored) {
    const w = worktree.index.get(path)?.w;
    const file = join(worktree.repository.top, path);
    const stat = existsSync(file) ? fileStat(lstatSync(file, { bigint: true })) : undefined;
    if (w && stat && sameStat(stat, w.stat)) worktree.index.update(path, { w: { ...w, hashedAtNs } });
  }
}
