import { readFileSync } from "node:fs";
import { openRepository } from "../../git/repository.ts";
import { readConflicts, writeConflicts } from "../../worktree/conflicts.ts";
import { requestFollow } from "../../worktree/follow.ts";
import { writeAtomically } from "../../util/write-atomically.ts";
import { formatManifest, parseManifest, type Asset, type Manifest } from "../../manifest/manifest.ts";
import { mergeManifests, type RenamedApart } from "../../manifest/merge.ts";
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
  for (const { path, ours, theirs, renamed } of conflicts) {
    if (renamed === undefined) say(whatMet(formatPath(path), ours, theirs), `resolve ${path} --ours, --theirs, --newest or --file <file>`);
    // Of the two conflicts that this is, the first speaks for both.
    else if (path === renamed.ours) say(whatMoved(renamed), `resolve ${renamed.ours} ${renamed.theirs} --ours, --theirs or --newest`);
  }
  return 1;
}

function say(what: string, command: string): void {
  process.stderr.write(`ballast: ${what}\n  → git ballast ${command}\n`);
}

function whatMoved({ from, ours, theirs }: RenamedApart): string {
  return `both sides renamed ${formatPath(from)}, we to ${formatPath(ours)} and they to ${formatPath(theirs)}; both are in place`;
}

function whatMet(path: string, ours: Asset | undefined, theirs: Asset | undefined): string {
  if (ours === undefined) return `${path}: removed by us, and edited by them`;
  if (theirs === undefined) return `${path}: edited by us, and removed by them`;
  return `both sides changed ${path}`;
}
