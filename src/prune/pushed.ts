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
  /** Contents that something here needs, and that no commit has that a remote has. */
  readonly unpushed: ReadonlySet<Oid>;
  /** Contents of commits that a remote has, with their sizes in bytes. */
  readonly published: ReadonlyMap<Oid, number>;
}

/** Does some work with remote-tracking refs brought up to date, or, with `ask` false, as they are. @throws GIT_FAILED */
export function withRefs<T>({ repository, signal }: Context, ask: boolean, work: () => Promise<T>): Promise<T> {
  return ask ? withAllRefs(repository, signal, work) : work();
}

/**
 * What of these contents is pushed and what is not: by every ref, stash, reflog, operation in progress, index, manifest file and worktree,
 * and by what was recorded and not committed yet. A content that a remote's branch has as well counts as pushed.
 * @param held each content under itself: what is read of it keeps the text that it stands in
 * @throws MANIFEST_INVALID, MANIFEST_VERSION, PATH_REFUSED naming the commit
 */
export async function pushedOf(repository: Repository, held: ReadonlyMap<Oid, Oid>, signal: AbortSignal): Promise<Pushed> {
  const commits = new Set(await manifestCommits(repository, ["--remotes"], signal));
  const published = new Map<Oid, number>();
  const used = new Set<Oid>();
  for await (const { oid: named, sizeBytes, commit } of addedAssets(repository, await commitsInUse(repository, { reflogs: true, signal }), signal, { strict: true })) {
    const oid = held.get(named);
    if (oid === undefined) continue;
    if (commits.has(commit)) published.set(oid, sizeBytes);
    else used.add(oid);
  }
  const usedNow = (named: Oid): void => {
    const oid = held.get(named);
    if (oid !== undefined) used.add(oid);
  };
  for await (const { oid } of usesInWork(repository, { strict: true })) usedNow(oid);
  for (const gitDir of gitDirsOf(repository)) for (const { oid } of readCaptured({ ...repository, gitDir })) usedNow(oid);
  for (const oid of used) if (published.has(oid)) used.delete(oid);
  return { unpushed: used, published };
}

function gitDirsOf({ commonDir }: Repository): string[] {
  const linked = join(commonDir, "worktrees");
  return [commonDir, ...(existsSync(linked) ? readdirSync(linked).map((name) => join(linked, name)) : [])];
}
