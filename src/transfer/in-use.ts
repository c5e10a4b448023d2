import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { commitIds } from "../git/commits.ts";
import { at, MANIFEST_PATH, type Repository } from "../git/repository.ts";
import { gitText, runGit } from "../git/run.ts";
import { addedAssets } from "../manifest/versions.ts";
import type { Oid } from "../object/oid.ts";

/**
 * Which of `oids` this repository still needs, and why: any commit on a ref, a stash, a reflog or of an operation in
 * progress, what is staged in any worktree, and every worktree's manifest file.
 * @param manifest what stands for this worktree's manifest file
 * @returns the reason by oid; an oid that nothing needs is absent
 * @throws MANIFEST_INVALID, PATH_REFUSED naming the commit
 */
export async function findInUse(
  repository: Repository,
  oids: ReadonlySet<Oid>,
  manifest: Iterable<{ readonly oid: Oid; readonly path: string }>,
  signal?: AbortSignal,
): Promise<Map<Oid, string>> {
  const uses = new Map<Oid, string>();
  const note = (oid: string, why: string): void => {
    if (oids.has(oid as Oid) && !uses.has(oid as Oid)) uses.set(oid as Oid, why);
  };
  for (const { oid, path } of manifest) note(oid, `${path} has the same content`);
  for await (const why of manifestsInWork(repository)) for (const oid of oidsIn(why.text)) note(oid, why.where);
  const extra = (await commitIds(repository, IN_PROGRESS, signal)).filter((id) => id !== undefined);
  for await (const { oid, path, commit } of addedAssets(repository, ["--all", "--reflog", ...extra], signal)) {
    note(oid, `commit ${commit.slice(0, 12)} has it as ${path}`);
  }
  return uses;
}

/** Whether commits that use an object may be unknown here, because history was cut off. */
export async function isShallow(repository: Repository): Promise<boolean> {
  return (await gitText(["rev-parse", "--is-shallow-repository"], at(repository))) === "true";
}

const IN_PROGRESS = ["ORIG_HEAD", "MERGE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD", "REBASE_HEAD", "FETCH_HEAD"];

/** The manifests that no commit has yet: staged (also the sides of a conflict), and on disk in the other worktrees. */
async function* manifestsInWork(repository: Repository): AsyncGenerator<{ text: string; where: string }> {
  const linked = join(repository.commonDir, "worktrees");
  const gitDirs = [repository.commonDir, ...(existsSync(linked) ? readdirSync(linked).map((name) => join(linked, name)) : [])];
  for (const gitDir of gitDirs) {
    const top = gitDir === repository.gitDir ? repository.top : topOf(gitDir);
    const place = top === repository.top ? "" : ` in the worktree ${top}`;
    const file = join(top, MANIFEST_PATH);
    if (top !== repository.top && existsSync(file)) yield { text: readFileSync(file, "utf8"), where: `the manifest${place} has it` };
    if (!existsSync(join(gitDir, "index"))) continue;
    const options = at(repository, { env: { GIT_INDEX_FILE: join(gitDir, "index") } });
    for (const line of (await gitText(["ls-files", "--stage", "--", `:/${MANIFEST_PATH}`], options)).split("\n")) {
      const blob = line.split(" ")[1];
      if (blob) yield { text: (await runGit(["cat-file", "blob", blob], options)).stdout.toString(), where: `it is staged${place}` };
    }
  }
}

/** The worktree of a Git directory: the linked one's `gitdir` file names its `.git` file. */
function topOf(gitDir: string): string {
  const link = join(gitDir, "gitdir");
  return dirname(existsSync(link) ? readFileSync(link, "utf8").trim() : gitDir);
}

/** Every oid in a manifest, also in one that holds conflict markers. */
function oidsIn(text: string): string[] {
  return [...text.matchAll(/"oid":"([0-9a-f]{64})"/g)].map(([, oid]) => oid!);
}
