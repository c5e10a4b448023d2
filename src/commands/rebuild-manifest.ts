import { copyFileSync, existsSync, mkdirSync, readFileSync } from "node:fs";
import { dirname } from "node:path";
import type { Context } from "../context.ts";
import { BallastError } from "../errors.ts";
import { at, MANIFEST_PATH, worktreeState, type Repository } from "../git/repository.ts";
import { gitText } from "../git/run.ts";
import { formatManifest } from "../manifest/manifest.ts";
import { bestSource, tryParse, type Source } from "../fsck/manifest-sources.ts";
import { writeAtomically } from "../util/write-atomically.ts";
import { readCaptured, unreferenced } from "../worktree/captured.ts";
import { rereadEntry } from "../worktree/follow.ts";
import { writeManifestFile } from "../worktree/session.ts";
import { isIndexLocked, manifestFile } from "../worktree/stamp.ts";
import { StatIndex } from "../worktree/stat-index.ts";
import { sameContent } from "../worktree/states.ts";

export interface RebuildResult {
  /** False when the manifest file can be read. */
  readonly needed: boolean;
  /** Where it came from, for people. */
  readonly source: string;
  readonly assets: number;
  readonly notes: string[];
}

/**
 * Writes the manifest file anew when it is lost or cannot be read: as Git's index has it, else as HEAD or the newest
 * commit with a readable one, else as the files on disk are. No asset is touched; what was there is kept aside.
 * @throws CONFLICT while Git counts the manifest as unmerged; LOCKED while Git writes its index
 */
export async function rebuildManifest(context: Context, { dryRun }: { dryRun: boolean }): Promise<RebuildResult> {
  const { repository } = context;
  const file = manifestFile(repository);
  const found = existsSync(file) ? readFileSync(file) : undefined;
  if (found && tryParse(found)) return { needed: false, source: "", assets: 0, notes: [] };
  if ((await gitText(["ls-files", "--unmerged", "--", MANIFEST_PATH], at(repository))) !== "") {
    throw new BallastError("CONFLICT", `${MANIFEST_PATH} is unmerged: Git has several versions of it`, { hint: "git ballast resolve settles the assets, or git merge --abort goes back" });
  }
  if (isIndexLocked(repository, undefined)) throw new BallastError("LOCKED", "Git is writing its index", { hint: "wait for the other Git command to end, and run this again" });
  const source = await bestSource(context, found?.toString());
  const notes = source.kind === "worktree" ? ["assets that are not on disk, as those that this worktree leaves out, are not in it"] : [];
  if (!dryRun) {
    if (found) notes.push(`what was there is kept as ${keepOld(repository, file)}`);
    notes.push(...(await write(repository, source)));
  }
  return { needed: true, source: source.name, assets: source.assets.size, notes };
}

async function write(repository: Repository, { kind, assets }: Source): Promise<string[]> {
  const index = StatIndex.open(worktreeState(repository, "index"));
  // What was recorded and no commit has, if it is not in what takes the manifest's place, is an edit again.
  for (const { path, oid } of await unreferenced(repository, readCaptured(repository))) {
    const asset = assets.get(path);
    if (index.get(path)?.w?.oid === oid && asset?.oid !== oid) index.update(path, { b: asset && { oid: asset.oid, exec: asset.exec } });
  }
  // Git moved the manifest, and it was lost before the assets followed: they still have to.
  const behind = kind !== "staged" ? [] : [...index.paths()].filter((path) => {
    const { w, b } = index.get(path)!;
    return w !== undefined && sameContent(w, b) && !sameContent(w, assets.get(path));
  });
  if (behind.length === 0) {
    await index.save();
    writeManifestFile(repository, assets.values());
    await rereadEntry(repository);
    return ["git status shows the assets that differ from it"];
  }
  // What Git was told of is no edit that it has discarded.
  for (const path of index.paths()) if (index.get(path)?.told) index.update(path, { told: false });
  await index.save();
  writeAtomically(manifestFile(repository), formatManifest(assets.values()), { aside: worktreeState(repository, "tmp") });
  return [`${behind.length} asset${behind.length === 1 ? " is" : "s are"} not as Git's index has them: git ballast checkout restores them`];
}

function keepOld(repository: Repository, file: string): string {
  for (let number = 1; ; number++) {
    const copy = worktreeState(repository, `manifest.damaged.${number}`);
    if (existsSync(copy)) continue;
    mkdirSync(dirname(copy), { recursive: true });
    copyFileSync(file, copy);
    return copy;
  }
}
