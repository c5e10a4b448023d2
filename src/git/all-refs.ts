import { BallastError } from "../errors.ts";
import { isAlive } from "../util/process-name.ts";
import { configEntries } from "./config.ts";
import { fetchRefs, remotes } from "./porcelain.ts";
import { at, type Repository } from "./repository.ts";
import { gitText, runGit } from "./run.ts";

/** Below it, and below the id of the process, stand the refs of the remotes for as long as {@link withAllRefs} works. */
const PLACE = "refs/ballast/remotes/";

/**
 * Does some work while every ref of every remote, as it is now, is among the refs of this repository. Remote-tracking
 * refs are brought up to date and those of deleted branches removed.
 * @throws GIT_FAILED naming the remote that could not be fetched; what `work` throws
 */
export async function withAllRefs<T>(repository: Repository, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  const place = `${PLACE}${process.pid}/`;
  await forgetDead(repository);
  try {
    for (const [i, remote] of (await remotes(repository)).entries()) {
      try {
        await fetchRefs(repository, ["--quiet", "--prune", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules", remote, ...(await trackingRefspecs(repository, remote)), `+refs/*:${place}${i}/*`], signal);
      } catch (error) {
        signal.throwIfAborted();
        const why = error instanceof Error ? error.message : String(error);
        throw new BallastError("GIT_FAILED", `the remote ${remote} could not be fetched, and commits there may need any object: ${why}`, {
          hint: `mend that, or git remote remove ${remote} if it is gone for good`,
          cause: error,
        });
      }
    }
    return await work();
  } finally {
    await forget(repository, place);
  }
}

/** What `git fetch` keeps as remote-tracking refs. Refspecs with other targets might remove what is not the remote's. */
async function trackingRefspecs(repository: Repository, remote: string): Promise<string[]> {
  const refspecs = (await configEntries(repository)).flatMap(({ key, value }) => (key === `remote.${remote}.fetch` && value !== undefined ? [value] : []));
  return refspecs.filter((refspec) => /:refs\/remotes\//.test(refspec) || refspec.startsWith("^"));
}

async function forget(repository: Repository, place: string): Promise<void> {
  const refs = await gitText(["for-each-ref", "--format=delete %(refname)", place], at(repository));
  if (refs !== "") await runGit(["update-ref", "--no-deref", "--stdin"], at(repository, { input: `${refs}\n` }));
}

/** Removes what killed processes have left: it would keep alive what is gone. */
async function forgetDead(repository: Repository): Promise<void> {
  const refs = (await gitText(["for-each-ref", "--format=%(refname)", PLACE], at(repository))).split("\n").filter(Boolean);
  for (const pid of new Set(refs.map((ref) => ref.slice(PLACE.length).split("/")[0]!))) if (!isAlive(Number(pid))) await forget(repository, `${PLACE}${pid}/`);
}
