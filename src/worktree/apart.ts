/*
 * Which part of many assets a process of its own lists, beside the one that lists the others: looking at a file takes the
 * kernel longer than all else that a listing does, and two processors look at twice as many. The part is told by the
 * beginning of paths, so that each new file is in one of the two.
 */
import { availableParallelism } from "node:os";

/** The paths that begin with `stem` and then a character from `from` to `~`. */
export interface Apart {
  readonly stem: string;
  /** A letter or a digit. */
  readonly from: string;
}

/** Where there are fewer, another process takes as long as it saves. */
export const WORTH_TWO = 5000;

/** What to list apart of such paths; undefined where that would not pay. @param paths in any order */
export function partFor(paths: readonly string[]): Apart | undefined {
  return paths.length < WORTH_TWO || availableParallelism() < 2 ? undefined : halfOf(paths);
}

/** What tells about half of some paths from the others; undefined where their first difference does not tell more than a quarter. */
export function halfOf(paths: readonly string[]): Apart | undefined {
  // A thousand tell as well as all.
  const step = Math.ceil(paths.length / 1000);
  const some = paths.filter((_, i) => i % step === 0);
  let stem = "";
  while (some.length > 0) {
    const next = countNext(some, stem);
    const [most, count] = [...next].reduce((a, b) => (b[1] > a[1] ? b : a), ["", 0]);
    if (count > MOST * some.length) {
      stem += most;
      continue;
    }
    const wanted = some.length / 2;
    let [from, best, sum] = ["", 0, 0];
    for (const [character, times] of [...next].filter(([one]) => one <= "~").sort(([a], [b]) => (a < b ? 1 : -1))) {
      sum += times;
      if (/[0-9A-Za-z]/.test(character) && Math.abs(sum - wanted) < Math.abs(best - wanted)) [from, best] = [character, sum];
    }
    // What stands beside the assets is listed with the first part.
    if (stem !== "" && ".gitignore".startsWith(stem)) return undefined;
    return best >= LEAST * some.length && best <= MOST * some.length ? { stem, from } : undefined;
  }
  return undefined;
}

/** Of all paths, the parts that are worth telling apart. */
const LEAST = 0.25;
const MOST = 0.75;

/** How many of the paths that begin with `stem` go on with which character. */
function countNext(paths: readonly string[], stem: string): Map<string, number> {
  const counts = new Map<string, number>();
  for (const path of paths) {
    const code = path.startsWith(stem) ? path.codePointAt(stem.length) : undefined;
    const next = code === undefined ? "" : String.fromCodePoint(code);
    if (next !== "") counts.set(next, (counts.get(next) ?? 0) + 1);
  }
  return counts;
}
