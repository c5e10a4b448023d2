import { statSync } from "node:fs";
import { MANIFEST_PATH, openRepository } from "../../git/repository.ts";
import { runGit } from "../../git/run.ts";
import { readConflicts, writeConflicts } from "../../worktree/conflicts.ts";
import { requestFollow } from "../../worktree/follow.ts";
import { collectGarbage } from "../../util/collect-garbage.ts";
import { wholeLines } from "../../util/whole-lines.ts";
import { writeAtomically } from "../../util/write-atomically.ts";
import { eachAsset, manifestPieces, type Asset } from "../../manifest/manifest.ts";
import { mergeBases, mergeSorted, type RenamedApart } from "../../manifest/merge.ts";
import { formatPath } from "../../util/format.ts";

/**
 * Git's merge driver for the manifest: `merge-driver %O %A %B %P`. The result replaces the file `%A`. With `--bases` before
 * these, `%A` and `%B` are merge bases of which Git makes one, and nobody is told of anything.
 * @returns 0 merged, 1 conflicts remain (ours stands in the result), as gitattributes documents it
 */
export async function run(args: string[]): Promise<number> {
  const ofBases = args[0] === "--bases";
  const [base, ours, theirs, path] = ofBases ? args.slice(1) : args;
  const read = (file: string, side: string): Iterable<Asset> => (statSync(file).size === 0 ? [] : eachAsset(wholeLines(file), `the manifest of ${side}`));
  const sides = [read(base!, "the merge base"), read(ours!, "our side"), read(theirs!, "their side")] as const;
  if (ofBases) {
    writeAtomically(ours!, manifestPieces(mergeBases(...sides).values()));
    return 0;
  }
  const { merged, conflicts } = mergeSorted(...sides);
  // That of a repository which a subtree was taken from: its assets are none here, and Git's own merge says what is in conflict.
  if (conflicts.length > 0 && path !== undefined && path !== MANIFEST_PATH) return mergeAsText(base!, ours!, theirs!);
  collectGarbage(merged.length);
  writeAtomically(ours!, manifestPieces(merged));
  if (conflicts.length === 0) return 0;
  const repository = await openRepository(process.cwd());
  const all = readConflicts(repository);
  for (const conflict of conflicts) all.set(conflict.path, conflict);
  writeConflicts(repository, all.values());
  // Where the result is what we had, Git leaves the file alone: this has the next hook look nevertheless.
  requestFollow(repository);
  for (const { path, ours, theirs, renamed, against } of conflicts) {
    if (against !== undefined) say(`${formatPath(path)}: they have it, and we have ${formatPath(against)} in its place`, `resolve ${path} --ours or --theirs`);
    else if (renamed === undefined) say(whatMet(formatPath(path), ours, theirs), `resolve ${path} --ours, --theirs, --newest or --file <file>`);
    // Of the two conflicts that this is, the first speaks for both.
    else if (path === renamed.ours) say(whatMoved(renamed), `resolve ${renamed.ours} ${renamed.theirs} --ours, --theirs or --newest`);
  }
  return 1;
}

async function mergeAsText(base: string, ours: string, theirs: string): Promise<number> {
  await runGit(["merge-file", "--quiet", "-L", "ours", "-L", "base", "-L", "theirs", ours, base, theirs], { cwd: process.cwd(), accept: CONFLICTS });
  return 1;
}

/** `git merge-file` ends with their number, and 127 for more. */
const CONFLICTS = Array.from({ length: 127 }, (_, i) => i + 1);

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
