import { readFileSync } from "node:fs";
import { openRepository } from "../../git/repository.ts";
import { readConflicts, writeConflicts } from "../../worktree/conflicts.ts";
import { requestFollow } from "../../worktree/follow.ts";
import { writeAtomically } from "../../util/write-atomically.ts";
import { formatManifest, parseManifest, type Asset, type Manifest } from "../../manifest/manifest.ts";
import { mergeManifests } from "../../manifest/merge.ts";
import { formatPath } from "../../util/format.ts";

/**
 * Git's merge driver for the manifest: `merge-driver %O %A %B %P`. The result replaces the file `%A`.
 * @returns 0 merged, 1 conflicts remain (ours stands in the result), as gitattributes documents it
 */
export async function run([base, ours, theirs]: string[]): Promise<number> {
  const read = (file: string, side: string): Manifest => {
    const bytes = readFileSync(file);
    return bytes.length === 0 ? new Map() : parseManifest(bytes, `the manifest of ${side}`);
  };
  const { merged, conflicts } = mergeManifests(read(base!, "the merge base"), read(ours!, "our side"), read(theirs!, "their side"));
  writeAtomically(ours!, formatManifest(merged.values()));
  if (conflicts.length === 0) return 0;
  const repository = await openRepository(process.cwd());
  const all = readConflicts(repository);
  for (const conflict of conflicts) all.set(conflict.path, conflict);
  writeConflicts(repository, all.values());
  // Where the result is what we had, Git leaves the file alone: this has the next hook look nevertheless.
  requestFollow(repository);
  for (const { path, ours, theirs } of conflicts) process.stderr.write(`ballast: ${whatMet(formatPath(path), ours, theirs)}\n  → git ballast resolve ${path} --ours, --theirs, --newest or --file <file>\n`);
  return 1;
}

function whatMet(path: string, ours: Asset | undefined, theirs: Asset | undefined): string {
  if (ours === undefined) return `${path}: removed by us, and edited by them`;
  if (theirs === undefined) return `${path}: edited by us, and removed by them`;
  return `both sides changed ${path}`;
}
