import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { Context } from "../context.ts";
import { withAllRefs } from "../git/all-refs.ts";
import type { Repository } from "../git/repository.ts";
import { manifestCommits } from "../manifest/readable.ts";
import { addedAssets } from "../manifest/versions.ts";
import type { Oid } from "../object/oid.ts";
import { commitsInUse, usesInWork } from "../transfer/in-use.ts";
import { readCaptured } from "../worktree/captured.ts";

export interface Pushed {
  /** Contents that something here needs, and no commit that a remote has. */
  readonly unpushed: ReadonlySet<Oid>;
  /** Contents of commits that a remote has, with their sizes in bytes. */
  readonly published: ReadonlyMap<Oid, number>;
}

/** Does some work with remote-tracking refs brought up to date, or, with `ask` false, as they are. @throws GIT_FAILED */
export function withRefs<T>({ repository, signal }: Context, ask: boolean, work: () => Promise<T>): Promise<T> {
  return ask ? withAllRefs(repository, signal, work) : work();
}

/**
 * What is pushed and what is not: by every ref, stash, reflog, operation in progress, index, manifest file and worktree,
 * and by what was recorded and not committed yet. A content that a remote's branch has as well counts as pushed.
 * @throws MANIFEST_INVALID, MANIFEST_VERSION, PATH_REFUSED naming the commit
 */
export async function pushedOf(repository: Repository, signal: AbortSignal): Promise<Pushed> {
  const commits = new Set(await manifestCommits(repository, ["--remotes"], signal));
  const published = new Map<Oid, number>();
  const used = new Set<Oid>();
  for await (const { oid, sizeBytes, commit } of addedAssets(repository, await commitsInUse(repository, { reflogs: true, signal }), signal, { strict: true })) {
    if (commits.has(commit)) published.set(oid, sizeBytes);
    else used.add(oid);
  }
  // Most of a worktree is pushed; each oid that is kept keeps the text that it stands in.
  for await (const { oid } of usesInWork(repository, { strict: true })) if (!published.has(oid)) used.add(oid);
  for (const gitDir of gitDirsOf(repository)) for (const { oid } of readCaptured({ ...repository, gitDir })) used.add(oid);
  return { unpushed: new Set([...used].filter((oid) => !published.has(oid))), published };
}

function gitDirsOf({ commonDir }: Repository): string[] {
  const linked = join(commonDir, "worktrees");
  return [commonDir, ...(existsSync(linked) ? readdirSync(linked).map((name) => join(linked, name)) : [])];
}
