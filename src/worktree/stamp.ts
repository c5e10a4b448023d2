/*
 * The stamp: a modification time in 2037 on the manifest file. Git takes an entry that is newer than its index for
 * racy and so asks the clean filter every time; and a manifest without it is one that Git has rewritten since.
 * Beside it, in the Git directory, an empty file one second older lets a hook of two lines of sh compare the two.
 */
import { closeSync, existsSync, fstatSync, futimesSync, mkdirSync, openSync, rmSync, statSync, utimesSync, type BigIntStats } from "node:fs";
import { dirname, join } from "node:path";
import { MANIFEST_PATH, worktreeState, type Repository } from "../git/repository.ts";
import { writeAtomically } from "../util/write-atomically.ts";

/** 2037-01-01T00:00:00Z, in seconds. */
const STAMP = 2_114_380_800;

export function manifestFile(repository: Repository): string {
  return join(repository.top, MANIFEST_PATH);
}

/** Whether Git has left the manifest alone since Ballast last settled it. No manifest counts as left alone only if it was settled so. */
export function isStamped(repository: Repository): boolean {
  const manifest = statSync(manifestFile(repository), { throwIfNoEntry: false });
  if (!manifest) return !existsSync(stampFile(repository));
  return Math.abs(manifest.mtimeMs / 1000 - STAMP) < 1;
}

/** Which manifest file was looked at; undefined when there was none. */
export type ManifestFile = Pick<BigIntStats, "dev" | "ino" | "size" | "mtimeNs"> | undefined;

export function manifestNow(repository: Repository): ManifestFile {
  return statSync(manifestFile(repository), { bigint: true, throwIfNoEntry: false });
}

/**
 * Marks the manifest as settled, if it is still the file that was `seen`: Git, which replaces files whole, may have
 * written another one meanwhile, and nobody has settled that.
 * @returns whether it was
 */
export function stamp(repository: Repository, seen: ManifestFile): boolean {
  const reference = stampFile(repository);
  if (seen === undefined) {
    if (existsSync(manifestFile(repository))) return false;
    rmSync(reference, { force: true });
    return true;
  }
  if (!existsSync(reference)) {
    mkdirSync(dirname(reference), { recursive: true });
    closeSync(openSync(reference, "a"));
  }
  utimesSync(reference, STAMP - 1, STAMP - 1);
  return stampFileIf(manifestFile(repository), seen);
}

/** By a handle: from the look at the file to its new time it stays the same one. */
function stampFileIf(file: string, seen: NonNullable<ManifestFile>): boolean {
  if (!existsSync(file)) return false;
  const handle = openSync(file, "r+");
  try {
    const now = fstatSync(handle, { bigint: true });
    if (now.dev !== seen.dev || now.ino !== seen.ino || now.size !== seen.size || now.mtimeNs !== seen.mtimeNs) return false;
    futimesSync(handle, STAMP, STAMP);
    return true;
  } finally {
    closeSync(handle);
  }
}

/** Replaces the manifest file by one that is stamped from the first moment. */
export function writeStamped(repository: Repository, text: string | Uint8Array | Generator<string>): void {
  writeAtomically(manifestFile(repository), text, { mtime: STAMP, aside: worktreeState(repository, "tmp") });
  stamp(repository, manifestNow(repository));
}

function stampFile(repository: Repository): string {
  return worktreeState(repository, "stamp");
}

/** Whether a rebase, an am, a merge with an autostash, or a cherry-pick of several commits is under way: no time to stamp. */
export function isSequencing(repository: Repository): boolean {
  return ["rebase-merge", "rebase-apply", "sequencer", "MERGE_AUTOSTASH"].some((name) => existsSync(join(repository.gitDir, name)));
}

/** Whether a merge, cherry-pick, revert or rebase waits for the user to conclude or abort it. */
export function isOperating(repository: Repository): boolean {
  return isSequencing(repository) || ["MERGE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD"].some((name) => existsSync(join(repository.gitDir, name)));
}

/** Whether a Git process is writing this worktree's index (or the one that `GIT_INDEX_FILE` names). */
export function isIndexLocked(repository: Repository, indexFile: string | undefined): boolean {
  return existsSync(`${indexFile ?? join(repository.gitDir, "index")}.lock`);
}

/** Makes a file that can become the manifest by a rename. */
export function writeStampedTo(file: string, text: Uint8Array): void {
  writeAtomically(file, text, { mtime: STAMP });
}
