import { BallastError } from "../errors.ts";
import { at, type Repository } from "./repository.ts";
import { runGit } from "./run.ts";

/**
 * The full ids of the commits that `names` (refs, ids, any revision syntax) stand for, tags followed; undefined for a
 * name that stands for nothing here, or for no commit. One Git process; a name is never taken for an option.
 */
export async function commitIds(repository: Repository, names: readonly string[], signal?: AbortSignal): Promise<(string | undefined)[]> {
  if (names.length === 0) return [];
  if (names.some((name) => name.includes("\n"))) throw new BallastError("USAGE", "a revision cannot hold a line feed");
  const input = names.map((name) => `${name}^{commit}\n`).join("");
  const { stdout } = await runGit(["cat-file", "--batch-check=%(objecttype) %(objectname)"], at(repository, { input, ...(signal ? { signal } : {}) }));
  const answers = stdout.toString().split("\n");
  return names.map((_, i) => /^commit ([0-9a-f]+)$/.exec(answers[i] ?? "")?.[1]);
}

/** The id of the commit that `name` stands for. @throws USAGE when there is none */
export async function commitId(repository: Repository, name: string, signal?: AbortSignal): Promise<string> {
  const [id] = await commitIds(repository, [name], signal);
  if (id !== undefined) return id;
  throw new BallastError("USAGE", `no such branch, tag or commit: ${name}`, { hint: "git branch --all and git tag list them" });
}
