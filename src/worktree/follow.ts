import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { blobId } from "../git/blob-id.ts";
import { at, MANIFEST_PATH, worktreeState, type Repository } from "../git/repository.ts";
import { runGit } from "../git/run.ts";
import { manifestBytesAt, stagedManifestBlob } from "../manifest/versions.ts";
import { parseManifest } from "../manifest/manifest.ts";
import { isIndexLocked, isStamped, manifestFile, writeStamped, writeStampedTo } from "./stamp.ts";

/*
 * Following: once Git has staged what the filter answered, the manifest file on disk is brought up to it. The filter
 * cannot do this itself: while Git asks, it compares the file with sizes that it noted before.
 */

/**
 * Notes that what Git may stage now differs from the manifest file. Whether Git stages it is not known yet: it also
 * holds the index lock to refresh what it noted of files.
 * @param manifest what Git was told; without it the next hook merely looks
 */
export function requestFollow(repository: Repository, manifest?: Buffer): void {
  const file = worktreeState(repository, "follow");
  mkdirSync(dirname(file), { recursive: true });
  const blob = manifest && blobId(repository, manifest);
  if (manifest && blob !== undefined) prepare(repository, blob, manifest);
  writeFileSync(file, blob === undefined ? "" : `${blob}\n`);
}

/**
 * Puts the next manifest file ready, complete, synced and stamped, as `GITDIR/ballast/next/<blob>`: with it hooks can
 * follow in sh (hooks/common.sh). Not where it stands on another file system, which no rename leaves.
 */
function prepare(repository: Repository, blob: string, manifest: Buffer): void {
  const directory = worktreeState(repository, "next");
  mkdirSync(directory, { recursive: true });
  if (statSync(directory).dev !== statSync(dirname(manifestFile(repository)), { throwIfNoEntry: false })?.dev) return;
  for (const old of readdirSync(directory)) if (old !== blob) rmSync(join(directory, old), { force: true });
  writeStampedTo(join(directory, blob), manifest);
}

/**
 * Writes the staged manifest into the manifest file when that was requested, unless Git is at work on its index (a
 * later hook follows then) or has rewritten the file (which settling takes care of).
 */
export async function follow(repository: Repository): Promise<void> {
  const marker = worktreeState(repository, "follow");
  const request = statSync(marker, { bigint: true, throwIfNoEntry: false });
  if (!request || isIndexLocked(repository, undefined)) return;
  if (!(await followNow(repository, readFileSync(marker, "utf8").trim()))) return;
  // A request that came meanwhile stays.
  if (request.mtimeNs === statSync(marker, { bigint: true, throwIfNoEntry: false })?.mtimeNs) rmSync(marker, { force: true });
}

/** Returns whether the file and what Git noted of it agree with what is staged; a killed run may have left it halfway. */
async function followNow(repository: Repository, told: string): Promise<boolean> {
  if (!existsSync(manifestFile(repository)) || !isStamped(repository)) return true;
  const staged = await manifestBytesAt(repository, ":");
  // Git did not stage what it was told: the file may hold changes of its own, such as a stash that came back.
  if (staged === undefined || blobId(repository, staged) !== told) return true;
  if (!staged.equals(readFileSync(manifestFile(repository)))) {
    parseManifest(staged, `the staged ${MANIFEST_PATH}`);
    // Git must have no size in mind by which it would call the new file modified without asking, should this run end here.
    if (!(await rereadEntry(repository, []))) return false;
    writeStamped(repository, staged);
  }
  return rereadEntry(repository);
}

/**
 * Has Git forget what it noted of the manifest file and look at it anew: the same blob stays staged. Does nothing
 * when another Git process holds the index; that one looks anew itself.
 * @param look when empty, Git looks anew when it is next asked
 * @returns whether Git did so
 */
export async function rereadEntry(repository: Repository, look: readonly string[] = ["--refresh"]): Promise<boolean> {
  const env = { BALLAST_SETTLING: "1", GIT_INDEX_FILE: undefined };
  const blob = await stagedManifestBlob(repository, env);
  if (blob === undefined) return true;
  const args = ["update-index", "-q", "--cacheinfo", `100644,${blob},${MANIFEST_PATH}`, ...look];
  return (await runGit(args, at(repository, { env, accept: [1, 128] }))).status !== 128;
}

/** Stages these bytes as the manifest, whatever the file says. */
export async function stageManifest(repository: Repository, manifest: Buffer, env: Record<string, string | undefined> = {}): Promise<void> {
  const hashed = await runGit(["hash-object", "-w", "--stdin"], at(repository, { input: manifest, env }));
  const info = `100644,${hashed.stdout.toString().trim()},${MANIFEST_PATH}`;
  await runGit(["update-index", "--add", "--cacheinfo", info], at(repository, { env: { BALLAST_SETTLING: "1", ...env } }));
}
