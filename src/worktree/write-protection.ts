/*
 * Lockable assets are read-only on disk unless their lock is held here. Only the write permission is taken: the
 * executable bit, which is recorded, stays, and so does the content that the index knows.
 */
import { closeSync, constants, fchmodSync, lstatSync, openSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type { Context } from "../context.ts";
import { fromSystemError, systemCode } from "../errors.ts";
import { withAttribute } from "../git/attributes.ts";
import { cachedLocks } from "../locks/cache.ts";
import { isMine, knownOwner } from "../locks/owner.ts";
import { fileStat, type FileStat } from "../object/stable-file.ts";
import { lstatIfThere } from "../util/lstat-if-there.ts";
import { hashContents } from "./contents.ts";
import { observe } from "./observe.ts";
import { openWorktree, type Worktree } from "./session.ts";
import { isRacy, nowNs, RACY_WINDOW_NS, sameStat } from "./stat-index.ts";

/** The attribute that Git LFS made known. */
export const LOCKABLE = "lockable";

/** Whether each of these paths may be written or not, where that is for locks to say; others are absent. No network. */
export async function writableByLock(context: Context, paths: readonly string[]): Promise<Map<string, boolean>> {
  const { repository, settings } = context;
  const lockable = await withAttribute(repository, LOCKABLE, paths);
  if (lockable.size === 0) return new Map();
  const locks = settings.storeUrl === undefined ? [] : (cachedLocks(repository, settings.storeUrl)?.locks ?? []);
  const me = locks.length > 0 ? await knownOwner(repository) : undefined;
  const mine = new Set(locks.flatMap((lock) => (lock.readable && isMine(lock, me) ? [lock.path] : [])));
  return new Map([...lockable].map((path) => [path, mine.has(path)]));
}

/**
 * Makes lockable assets among these paths read-only, and those whose lock is held writable. An asset with changes stays
 * writable. Files of other kinds and other paths are left as they are.
 * @throws FILE_DENIED
 */
export async function writeProtect(context: Context, paths: readonly string[]): Promise<void> {
  await protect(context, await writableByLock(context, paths));
}

/** Makes those among these paths writable that are lockable no more. @throws FILE_DENIED */
export async function endProtection(context: Context, paths: readonly string[]): Promise<void> {
  const lockable = await withAttribute(context.repository, LOCKABLE, paths);
  await protect(context, new Map(paths.filter((path) => !lockable.has(path)).map((path) => [path, true])));
}

async function protect(context: Context, writable: ReadonlyMap<string, boolean>): Promise<void> {
  if (writable.size === 0) return;
  const worktree = openWorktree(context.repository);
  const seen = await observe(worktree, { read: hashContents(context), candidates: [], select: (path) => writable.has(path) });
  const changed: { path: string; before: FileStat }[] = [];
  for (const { path, state, stat } of seen.values()) {
    if (stat === undefined || (!writable.get(path) && state !== "clean")) continue;
    if (setWritable(join(worktree.repository.top, path), stat, writable.get(path)!)) changed.push({ path, before: stat });
  }
  if (changed.length > 0) await followModes(worktree, changed);
  await worktree.index.save();
}

/** Takes the write permission from a file that nobody uses yet. */
export function makeReadOnly(file: string): void {
  setWritable(file, lstatSync(file, { bigint: true }), false);
}

/** @returns whether anything had to be changed */
function setWritable(file: string, { mode }: { readonly mode: bigint }, writable: boolean): boolean {
  const now = Number(mode & 0o777n);
  const wanted = writable ? now | (0o222 & ~process.umask()) | 0o200 : now & ~0o222;
  if (now === wanted) return false;
  // Through a descriptor, so that nothing outside is changed should a link stand there by now.
  let fd: number | undefined;
  try {
    fd = openSync(file, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0));
    fchmodSync(fd, wanted);
  } catch (error) {
    if (GONE.has(systemCode(error) ?? "")) return false;
    throw fromSystemError(error, `cannot change the mode of ${file}`);
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
  return true;
}

const GONE = new Set(["ENOENT", "ENOTDIR", "ELOOP"]);

/** A new mode is a new change time. The content is the one that was known, so it need not be read again. */
async function followModes({ repository, index }: Worktree, changed: readonly { path: string; before: FileStat }[]): Promise<void> {
  // By then the change of the mode is past the window in which a write could hide behind it.
  await pause(Number(RACY_WINDOW_NS / 1_000_000n) + 20);
  const now = nowNs();
  for (const { path, before } of changed) {
    const w = index.get(path)?.w;
    const stat = lstatIfThere(join(repository.top, path));
    if (!w || !stat || !sameStat(w.stat, before) || isRacy(w)) continue;
    if (sameStat({ ...fileStat(stat), ctimeNs: before.ctimeNs }, before)) index.update(path, { w: { ...w, stat: fileStat(stat), hashedAtNs: now } });
  }
}
