import { BallastError } from "../errors.ts";
import { tracking } from "./tracking.ts";

/*
 * Taking paths out of the tracked patterns. A pattern that names just them goes; where another still matches, a later
 * line excludes them. gitignore(5) cannot re-include a file when one of its directories is excluded, so a pattern that
 * takes a directory whole is first rewritten to match the same files one by one:
 *
 *   /textures/   becomes   /textures/**        every file, and every directory, below
 *                          !/textures/** /     but no directory   (without the blank)
 *   and then               !/textures/a.png
 */

/**
 * The patterns without what `removals` name.
 * @param patterns the lines of the block
 * @param removals one pattern for each thing to take out
 * @param gone paths that must match no longer
 * @param kept paths that must match as before
 * @throws USAGE when no lines that we write can say that
 */
export function untrack(patterns: readonly string[], removals: readonly string[], gone: readonly string[], kept: readonly string[]): string[] {
  if (removals.includes(EVERYTHING)) return [];
  const before = tracking(patterns);
  const named = tracking(removals);
  let lines = patterns.filter((line) => !isNamed(line, removals, named.matches));
  const still = gone.filter(tracking(lines).matches);
  if (still.length > 0) {
    lines = lines.flatMap((line) => openDirectories(line, still));
    for (const removal of removals) lines.push(...exclusionsOf(removal, still));
  }
  lines = withoutIdle(lines);
  const after = tracking(lines);
  const wrong = gone.find(after.matches) ?? kept.find((path) => before.matches(path) && !after.matches(path));
  if (wrong === undefined) return lines;
  throw new BallastError("USAGE", `${wrong} cannot be told apart from what stays tracked by adding a line to the block in .gitignore`, {
    hint: "edit the lines between the ballast markers in .gitignore, then git ballast remove again",
  });
}

const EVERYTHING = "/**";

/** Whether a line stands for just what is removed: the same pattern, its rewritten form, or a path within. */
function isNamed(line: string, removals: readonly string[], matches: (path: string) => boolean): boolean {
  const body = line.replace(/^!/, "");
  if (removals.some((removal) => stem(body) === stem(removal))) return !line.startsWith("!") || body.endsWith("/**/");
  return !line.startsWith("!") && isLiteral(body) && matches(pathOf(body));
}

/** A pattern without what makes it one for a directory. */
function stem(pattern: string): string {
  return pattern.replace(/(\/\*\*)?\/?$/, "");
}

function isLiteral(pattern: string): boolean {
  return pattern.startsWith("/") && !/(?<!\\)[*?[]/.test(pattern);
}

function pathOf(literal: string): string {
  return literal.replace(/^\/|\/$/g, "").replace(/\\(.)/g, "$1");
}

/** A line that takes a directory above one of `paths` whole, rewritten so that files below can be excluded. */
function openDirectories(line: string, paths: readonly string[]): string[] {
  if (line.startsWith("!")) return [line];
  const { matches } = tracking([line]);
  if (!paths.some((path) => directoriesOf(path).some(matches))) return [line];
  if (line.endsWith("/**")) return [line, `!${line}/`];
  const below = `${anchored(line)}/**`;
  return line.endsWith("/") ? [below, `!${below}/`] : [line, `!${line}/`, below, `!${below}/`];
}

/** The lines that exclude what a removal names, as far as the patterns still match it. */
function exclusionsOf(removal: string, still: readonly string[]): string[] {
  const { matches } = tracking([removal]);
  const mine = still.filter(matches);
  const below = mine.filter((path) => directoriesOf(path).some(matches));
  return [
    ...(below.length < mine.length ? [`!${removal}`] : []),
    ...(below.length > 0 ? [removal.endsWith("/**") ? `!${removal}` : `!${anchored(removal)}/**`] : []),
  ];
}

/** The pattern of a directory to which more components can be appended: a slash within would otherwise tie it to the top. */
function anchored(pattern: string): string {
  const bare = pattern.replace(/\/$/, "");
  return bare.includes("/") ? bare : `**/${bare}`;
}

/** The directories above a path, each with a slash at its end. */
function directoriesOf(path: string): string[] {
  const parts = path.split("/");
  return parts.slice(1).map((_, i) => `${parts.slice(0, i + 1).join("/")}/`);
}

/** Leaves out exclusions that have nothing left to exclude. */
function withoutIdle(lines: readonly string[]): string[] {
  if (lines.every((line) => line.startsWith("!"))) return [];
  return lines.filter((line, i) => {
    if (!line.startsWith("!") || !isLiteral(line.slice(1)) || line.endsWith("/")) return true;
    return tracking(lines.filter((_, j) => j !== i)).matches(pathOf(line.slice(1)));
  });
}
