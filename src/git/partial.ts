import { configEntries } from "./config.ts";
import { at, type Repository } from "./repository.ts";
import { runGit } from "./run.ts";

/*
 * Partial clones (`git clone --filter=…`): Git's own objects may be missing, and are fetched when they are asked for,
 * each by a connection of its own.
 */

/** Whether objects of Git's own may be missing here, and be fetched when they are asked for. */
export async function isPartial(repository: Repository): Promise<boolean> {
  return (await promisors(repository)).length > 0;
}

/**
 * Has Git fetch, with one connection, what a walk through `range` would fetch one by one: every version of the file
 * `path` that is missing here. Does nothing in other clones; what cannot be fetched now is left for the walk to ask for.
 * @param range arguments of `git log` that select commits
 */
export async function bringVersions(repository: Repository, range: readonly string[], path: string, signal?: AbortSignal): Promise<void> {
  const [remote] = await promisors(repository);
  if (remote === undefined) return;
  const options = signal ? { signal } : {};
  const { stdout } = await runGit(["--no-replace-objects", "rev-list", "--objects", "--missing=print", "--full-history", ...range, "--", path], at(repository, { ...options, accept: [128] }));
  const missing = stdout.toString().split("\n").flatMap((line) => (line.startsWith("?") ? [line.slice(1)] : []));
  if (missing.length < 2) return;
  // As Git itself does it, see fetch_objects() in its promisor-remote.c.
  const args = ["-c", "fetch.negotiationAlgorithm=noop", "fetch", remote, "--quiet", "--no-tags", "--no-write-fetch-head", "--recurse-submodules=no", "--filter=blob:none", "--stdin"];
  await runGit(args, at(repository, { ...options, input: `${missing.join("\n")}\n`, accept: [1, 128, 129] }));
}

/** The remotes that promised what is missing. */
async function promisors(repository: Repository): Promise<string[]> {
  const promising = (await configEntries(repository)).filter(({ key }) => /^(extensions\.partialclone|remote\..*\.(promisor|partialclonefilter))$/s.test(key));
  const names = promising.map(({ key, value }) => /^remote\.(.*)\.[a-z]+$/s.exec(key)?.[1] ?? value ?? "origin");
  return [...new Set(names)];
}
