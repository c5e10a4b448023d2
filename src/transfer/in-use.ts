import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { blobId } from "../git/blob-id.ts";
import { commitIds } from "../git/commits.ts";
import { at, MANIFEST_PATH, type Repository } from "../git/repository.ts";
import { gitText, runGit } from "../git/run.ts";
import { addedAssets, requireReadable } from "../manifest/versions.ts";
import { matchedOid, type Oid } from "../object/oid.ts";

/** A content that something in this repository needs. */
export interface Use {
  readonly oid: Oid;
  /** What needs it, for messages. */
  readonly why: string;
}

/** A use, with the place that asks for it. */
export interface PlacedUse extends Use {
  readonly path: string;
  readonly sizeBytes: number;
}

/**
 * Everything that this repository needs: what any commit on a ref, a stash, a reflog or of an operation in progress
 * names, what is staged in any worktree, and every worktree's manifest file. The same content may come more than once.
 * @param options.manifest what stands for this worktree's manifest file; default: the file itself
 * @param options.strict whether a manifest that this version cannot read to the last line is an error
 * @throws MANIFEST_INVALID, MANIFEST_VERSION, PATH_REFUSED naming the commit or the worktree
 */
export async function* usesOf(
  repository: Repository,
  { manifest, strict = false, signal }: { manifest?: Iterable<{ readonly oid: Oid; readonly path: string }>; strict?: boolean; signal?: AbortSignal | undefined } = {},
): AsyncGenerator<Use> {
  for (const { oid, path } of manifest ?? []) yield { oid, why: `${path} has the same content` };
  yield* usesInWork(repository, { own: manifest === undefined, strict });
  for await (const { oid, path, commit } of addedAssets(repository, await commitsInUse(repository, { reflogs: true, signal }), signal, { strict })) {
    yield { oid, why: `commit ${commit.slice(0, 12)} has it as ${path}` };
  }
}

/**
 * What no commit has yet: staged in any worktree, and in every worktree's manifest file.
 * @param options.own whether this worktree's manifest file counts
 * @throws MANIFEST_INVALID, MANIFEST_VERSION when strict
 */
export async function* usesInWork(repository: Repository, { own = true, strict = false } = {}): AsyncGenerator<PlacedUse> {
  for await (const { text, where } of manifestsInWork(repository, own)) {
    if (strict) requireReadable(text, where);
    for (const asset of assetsIn(text)) yield { ...asset, why: where };
  }
}

/**
 * Every commit that something here leads to, as arguments of `git log`: refs, stashes, operations in progress.
 * @param options.reflogs also what refs pointed to before
 */
export async function commitsInUse(repository: Repository, { reflogs, signal }: { reflogs: boolean; signal?: AbortSignal | undefined }): Promise<string[]> {
  const extra = (await commitIds(repository, inProgress(repository, reflogs), signal)).filter((id) => id !== undefined);
  if (reflogs) return ["--all", "--reflog", ...extra];
  // Of stashes, only the last one is a ref.
  const { stdout } = await runGit(["rev-list", "-g", "refs/stash", "--"], at(repository, { accept: [128] }));
  return ["--all", ...stdout.toString().split("\n").filter(Boolean), ...extra];
}

/**
 * Which of `oids` this repository still needs, and why, by {@link usesOf}.
 * @returns the reason by oid; an oid that nothing needs is absent
 */
export async function findInUse(
  repository: Repository,
  oids: ReadonlySet<Oid>,
  manifest: Iterable<{ readonly oid: Oid; readonly path: string }>,
  signal?: AbortSignal,
): Promise<Map<Oid, string>> {
  const uses = new Map<Oid, string>();
  for await (const { oid, why } of usesOf(repository, { manifest, signal })) if (oids.has(oid) && !uses.has(oid)) uses.set(oid, why);
  return uses;
}

/** Whether commits that use an object may be unknown here, because history was cut off. */
export async function isShallow(repository: Repository): Promise<boolean> {
  return (await gitText(["rev-parse", "--is-shallow-repository"], at(repository))) === "true";
}

const HEADS = ["HEAD", "MERGE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD", "REBASE_HEAD", "BISECT_HEAD"];
/** As a reflog, these tell of what was; they stay when the operation is over. */
const FORMER = ["ORIG_HEAD", "FETCH_HEAD"];
/** Files that hold a commit's id while an operation is under way. */
const KEPT = ["MERGE_AUTOSTASH", "rebase-merge/autostash", "rebase-merge/orig-head", "rebase-merge/onto", "rebase-apply/autostash", "rebase-apply/orig-head", "rebase-apply/onto"];

/** The commits that an operation in progress, in any worktree, will come back to or go on with. */
function inProgress(repository: Repository, former: boolean): string[] {
  return gitDirsOf(repository).flatMap((gitDir) => [
    ...[...HEADS, ...(former ? FORMER : [])].map((name) => (gitDir === repository.commonDir ? `main-worktree/${name}` : `worktrees/${gitDir.slice(repository.commonDir.length + "/worktrees/".length)}/${name}`)),
    ...KEPT.map((name) => join(gitDir, name))
      .filter((file) => existsSync(file))
      .map((file) => readFileSync(file, "utf8").trim())
      .filter((text) => /^[0-9a-f]{40,64}$/.test(text)),
  ]);
}

function gitDirsOf(repository: Repository): string[] {
  const linked = join(repository.commonDir, "worktrees");
  return [repository.commonDir, ...(existsSync(linked) ? readdirSync(linked).map((name) => join(linked, name)) : [])];
}

/** The manifests that no commit has yet: staged (also the sides of a conflict), and on disk. @param own also this worktree's */
async function* manifestsInWork(repository: Repository, own: boolean): AsyncGenerator<{ text: string; where: string }> {
  for (const gitDir of gitDirsOf(repository)) {
    const top = gitDir === repository.gitDir ? repository.top : topOf(gitDir);
    const place = top === repository.top ? "" : ` in the worktree ${top}`;
    const file = join(top, MANIFEST_PATH);
    let shown: string | undefined;
    if ((own || top !== repository.top) && existsSync(file)) {
      const bytes = readFileSync(file);
      shown = blobId(repository, bytes);
      yield { text: bytes.toString(), where: `the manifest${place} has it` };
    }
    if (!existsSync(join(gitDir, "index"))) continue;
    const options = at(repository, { env: { GIT_INDEX_FILE: join(gitDir, "index") } });
    for (const line of (await gitText(["ls-files", "--stage", "--", `:/${MANIFEST_PATH}`], options)).split("\n")) {
      const blob = line.split(" ")[1];
      // Mostly nothing is staged that is not on disk: large manifests are read once.
      if (blob && blob !== shown) yield { text: (await runGit(["cat-file", "blob", blob], options)).stdout.toString(), where: `it is staged${place}` };
    }
  }
}

/** The worktree of a Git directory: the linked one's `gitdir` file names its `.git` file. */
function topOf(gitDir: string): string {
  const link = join(gitDir, "gitdir");
  return dirname(existsSync(link) ? readFileSync(link, "utf8").trim() : gitDir);
}

/** Every oid in a manifest, also in one that holds conflict markers, with what its line says of path and size. */
function* assetsIn(text: string): Generator<{ oid: Oid; path: string; sizeBytes: number }> {
  for (const [, path, oid, size] of text.matchAll(/(?:"path":("(?:[^"\\]|\\.)*"),)?"oid":"([0-9a-f]{64})"(?:,"size":(\d{1,15}))?/g)) {
    yield { oid: matchedOid(oid!), path: pathOf(path), sizeBytes: size === undefined ? NaN : Number(size) };
  }
}

function pathOf(json: string | undefined): string {
  try {
    return json === undefined ? "" : (JSON.parse(json) as string);
  } catch {
    return "";
  }
}
