/*
 * The profile: which assets this worktree wants. An asset outside of it is not missing when it is not there, and its
 * absence is never a deletion. Outside are assets that
 *
 *   git sparse-checkout      leaves out, by the rules that Git applies to its own files,
 *   fetch.include            is set and does not match, or fetch.exclude matches,
 *   checkout --include       (and --exclude) left out, until a checkout without paths and patterns:
 *                            GITDIR/ballast/profile.json, {"include":[…],"exclude":[…]}
 */
import { existsSync, readFileSync, rmSync } from "node:fs";
import type { Context } from "../context.ts";
import { worktreeState, type Repository } from "../git/repository.ts";
import { sparseRules } from "../git/sparse.ts";
import { writeAtomically } from "../util/write-atomically.ts";
import { tracking } from "./tracking.ts";

/** Patterns as in `.gitignore`. */
export interface Choice {
  /** None: everything. */
  readonly include: readonly string[];
  readonly exclude: readonly string[];
}

/** Whether an asset is outside of this worktree's profile. */
export async function outsideProfile({ repository, settings }: Pick<Context, "repository" | "settings">): Promise<(path: string) => boolean> {
  const sparse = await sparseRules(repository);
  const inside = [sparse, choiceMatcher(settings.fetch), choiceMatcher(readChoice(repository))].filter((matches) => matches !== undefined);
  return (path) => inside.some((matches) => !matches(path));
}

/** Whether a choice takes a path; undefined when it takes all. */
export function choiceMatcher({ include, exclude }: Choice): ((path: string) => boolean) | undefined {
  if (include.length + exclude.length === 0) return undefined;
  const [included, excluded] = [tracking(include).matches, tracking(exclude).matches];
  return (path) => (include.length === 0 || included(path)) && !excluded(path);
}

/** What the last `checkout --include` chose. A file that cannot be read chose everything. */
function readChoice(repository: Repository): Choice {
  const file = worktreeState(repository, "profile.json");
  if (!existsSync(file)) return EVERYTHING;
  try {
    const { include, exclude } = JSON.parse(readFileSync(file, "utf8")) as Choice;
    return { include: strings(include), exclude: strings(exclude) };
  } catch {
    return EVERYTHING;
  }
}

/** Makes a choice last; one of everything removes it. */
export function writeChoice(repository: Repository, { include, exclude }: Choice): void {
  const file = worktreeState(repository, "profile.json");
  if (include.length + exclude.length === 0) rmSync(file, { force: true });
  else writeAtomically(file, `${JSON.stringify({ include, exclude })}\n`);
}

const EVERYTHING: Choice = { include: [], exclude: [] };

function strings(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((one) => typeof one === "string") : [];
}
