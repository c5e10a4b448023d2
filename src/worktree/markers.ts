import { existsSync, readFileSync } from "node:fs";
import { at, MANIFEST_PATH, worktreeState, type Repository } from "../git/repository.ts";
import { gitText } from "../git/run.ts";
import { formatManifest, parseManifest, type Manifest } from "../manifest/manifest.ts";
import { hasMarkers, mergeWithoutBase, splitMarkers } from "../manifest/markers.ts";
import { mergeManifests, type ManifestMerge } from "../manifest/merge.ts";
import { manifestBytesAt } from "../manifest/versions.ts";
import { writeAtomically } from "../util/write-atomically.ts";
import { readConflicts, writeConflicts, type MergeConflict } from "./conflicts.ts";
import { manifestFile } from "./stamp.ts";

/**
 * What the manifest file means where Git has merged it line by line and left conflict markers; undefined when it has
 * none. The sides of an unfinished merge are those that Git has in its index; those of a commit are told from the
 * markers.
 * @throws MANIFEST_INVALID and others where even the sides cannot be read
 */
export async function readMarkers(repository: Repository): Promise<{ merged: Manifest; conflicts: MergeConflict[] } | undefined> {
  const file = manifestFile(repository);
  const bytes = existsSync(file) ? readFileSync(file) : undefined;
  if (bytes === undefined || !hasMarkers(bytes)) return undefined;
  const staged = await stagedSides(repository);
  if (staged) return staged;
  const { ours, theirs } = splitMarkers(bytes.toString(), MANIFEST_PATH);
  const { merged, conflicts } = mergeWithoutBase(ours, theirs);
  const head = await gitText(["rev-parse", "--verify", "--quiet", "HEAD"], at(repository, { accept: [1] }));
  return { merged, conflicts: conflicts.map((conflict) => ({ ...conflict, head })) };
}

/**
 * Turns conflict markers into what the merge driver would have left: a manifest that can be read, with ours, and the
 * conflicts noted beside it. The file is not stamped by that.
 * @returns the paths in conflict; undefined when there were no markers
 */
export async function adoptMarkers(repository: Repository): Promise<string[] | undefined> {
  const found = await readMarkers(repository);
  if (found === undefined) return undefined;
  const all = readConflicts(repository);
  for (const conflict of found.conflicts) all.set(conflict.path, conflict);
  // The conflicts are noted first: without the markers nothing else would tell of them.
  writeConflicts(repository, all.values());
  writeAtomically(manifestFile(repository), formatManifest(found.merged.values()), { aside: worktreeState(repository, "tmp") });
  return found.conflicts.map(({ path }) => path);
}

async function stagedSides(repository: Repository): Promise<ManifestMerge | undefined> {
  const [base, ours, theirs] = await Promise.all([":1", ":2", ":3"].map((stage) => manifestBytesAt(repository, stage)));
  if (ours === undefined || theirs === undefined) return undefined;
  const read = (bytes: Buffer | undefined, side: string): Manifest => (bytes ? parseManifest(bytes, `the manifest of ${side}`) : new Map());
  return mergeManifests(read(base, "the merge base"), read(ours, "our side"), read(theirs, "their side"));
}
