import { random, sandbox, type Sandbox } from "./sandbox.ts";

/** A repository `repo` with a bare upstream `upstream.git` and a directory store `store`, in a sandbox of its own. */
export interface Project {
  readonly box: Sandbox;
  /** Writes files below `repo`, commits everything and waits until Ballast has settled; returns the commit. */
  commit(files: Record<string, string | Uint8Array>, message?: string): Promise<string>;
  /** What a ref of the upstream points to, or undefined. */
  upstream(ref: string, repository?: string): Promise<string | undefined>;
}

/** Content of an asset that takes in a store what it is long. */
export const asset = (seed: string, sizeBytes = 3000): Buffer => random(sizeBytes, seed);

/**
 * @param store what is given to `git ballast init`; `""` for the embedded store
 */
export async function project(store = "store"): Promise<Project> {
  const box = await sandbox();
  await box.git(".", "init", "-q", "--bare", "upstream.git");
  await box.git(".", "init", "-q", "repo");
  await box.git("repo", "remote", "add", "origin", box.path("upstream.git"));
  await box.mustBallast("repo", "init", ...(store === "" ? [] : [`file://${box.path(store)}`]));
  await box.mustBallast("repo", "track", "*.bin");
  const commit = async (files: Record<string, string | Uint8Array>, message = "change"): Promise<string> => {
    for (const [path, content] of Object.entries(files)) await box.write(`repo/${path}`, content);
    await box.git("repo", "add", "--all");
    await box.git("repo", "commit", "-q", "-m", message);
    await box.settled("repo");
    return box.git("repo", "rev-parse", "HEAD");
  };
  const upstream = async (ref: string, repository = "upstream.git"): Promise<string | undefined> => {
    const { status, stdout } = await box.tryGit(repository, "rev-parse", "--verify", "--quiet", ref);
    return status === 0 ? stdout.trim() : undefined;
  };
  return { box, commit, upstream };
}
