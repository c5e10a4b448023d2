import { existsSync } from "node:fs";
import { resolve } from "node:path";
import type { Context } from "../context.ts";
import { BallastError } from "../errors.ts";
import { commitId, commitIds } from "../git/commits.ts";
import { at } from "../git/repository.ts";
import { gitText } from "../git/run.ts";

/** Words of a command line. */
export interface Words {
  /** Those before `--`, all of them when there is none. */
  readonly before: readonly string[];
  /** Those behind `--`; undefined when there is none. */
  readonly behind?: readonly string[] | undefined;
}

export interface RevisionsAndPaths {
  /** Full ids of commits, two for a range such as `a..b`; at most two. */
  readonly commits: string[];
  readonly paths: string[];
}

/**
 * Tells revisions from paths as Git does: what stands behind `--` is a path; before it stand revisions. Without `--`
 * the first words that name commits are revisions. `a..b` is a and b, `a...b` their merge base and b.
 * @throws USAGE for what is neither, what could be both, and more than two revisions
 */
export async function revisionsAndPaths(context: Context, { before, behind }: Words): Promise<RevisionsAndPaths> {
  const commits: string[] = [];
  let next = 0;
  for (; next < before.length; next++) {
    const found = await commitsOf(context, before[next]!, behind !== undefined);
    if (found === undefined) break;
    if (behind === undefined && existsSync(resolve(context.cwd, before[next]!))) {
      throw new BallastError("USAGE", `${before[next]} is both a revision and a file`, { hint: "put -- between revisions and paths" });
    }
    commits.push(...found);
  }
  if (commits.length > 2) throw new BallastError("USAGE", "at most two revisions can be compared", { hint: "put -- before paths" });
  return { commits, paths: [...before.slice(next), ...(behind ?? [])] };
}

/** The commits that a word names; undefined when it names none and need not. */
async function commitsOf({ repository, signal }: Context, word: string, must: boolean): Promise<string[] | undefined> {
  const range = /^(.*?)(\.\.\.?)(.*)$/.exec(word);
  if (range && !/^\.{0,2}\//.test(word)) {
    const [, from, dots, to] = range as unknown as [string, string, string, string];
    const [a, b] = await commitIds(repository, [from || "HEAD", to || "HEAD"], signal);
    if (a !== undefined && b !== undefined) return [dots === "..." ? await mergeBase(a, b) : a, b];
  }
  if (must) return [await commitId(repository, word, signal)];
  const [id] = await commitIds(repository, [word], signal);
  return id === undefined ? undefined : [id];

  async function mergeBase(a: string, b: string): Promise<string> {
    const base = await gitText(["merge-base", a, b], at(repository, { accept: [1] }));
    if (base === "") throw new BallastError("USAGE", `${word}: these have no common commit`);
    return base;
  }
}
