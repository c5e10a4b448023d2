import { readFileSync } from "node:fs";
import { openRepository } from "../../git/repository.ts";
import { readConflicts, writeConflicts } from "../../worktree/conflicts.ts";
import { writeAtomically } from "../../util/write-atomically.ts";
import { formatManifest, parseManifest, type Manifest } from "../../manifest/manifest.ts";
import { mergeManifests } from "../../manifest/merge.ts";

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
  for (const { path } of conflicts) process.stderr.write(`ballast: both sides changed ${path}\n  → git ballast resolve ${path} --ours, or --theirs\n`);
  return 1;
}
