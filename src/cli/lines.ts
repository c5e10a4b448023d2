import type { Change } from "../commands/changes.ts";
import type { Status, StatusEntry } from "../commands/status.ts";
import type { Stored } from "../commands/stored.ts";
import { BallastError } from "../errors.ts";
import { formatBytes, formatPath } from "../util/format.ts";

/** `modified  art/hero.psd  3.1 MiB → 3.4 MiB`. */
export function changeLine({ kind, path, from, sizeBytes, oldSizeBytes }: Change): string {
  const name = from === undefined ? formatPath(path) : `${formatPath(from)} → ${formatPath(path)}`;
  return `${kind.padEnd(9)} ${name}${sizes(oldSizeBytes, sizeBytes)}`;
}

function sizes(before: number | undefined, after: number | undefined): string {
  if (before !== undefined && after !== undefined) return `  ${formatBytes(before)} → ${formatBytes(after)}`;
  const size = after ?? before;
  return size === undefined ? "" : `  ${formatBytes(size)}`;
}

/** One line an entry; with what to do about it, when asked. */
export function statusLines(entries: readonly StatusEntry[], explain: boolean): string[] {
  const width = Math.max(0, ...entries.map(({ state }) => state.length));
  return entries.map(({ state, path, from, sizeBytes, explanation }) => {
    const name = from === undefined ? formatPath(path) : `${formatPath(from)} → ${formatPath(path)}`;
    const rest = explain ? `  ${explanation.replaceAll("<path>", formatPath(path))}` : sizes(undefined, sizeBytes);
    return `${state.padEnd(width)}  ${name}${rest}`;
  });
}

const LETTERS: Record<StatusEntry["state"], string> = {
  new: "A",
  modified: "M",
  deleted: "D",
  renamed: "R",
  stale: "S",
  missing: "X",
  conflict: "U",
  blocked: "T",
};

/** The stable form of a status: see the help of the verb. */
export function porcelainLines({ entries, unpushed }: Pick<Status, "entries" | "unpushed">, nul: boolean): string {
  const lines = entries.map(({ state, path, from, staged }) => {
    const code = staged ? `${LETTERS[state]} ` : ` ${LETTERS[state]}`;
    if (nul) return `${code} ${path}\0${from === undefined ? "" : `${from}\0`}`;
    return `${code} ${from === undefined ? "" : `${formatPath(from)} -> `}${formatPath(path)}\n`;
  });
  for (const { path } of unpushed ?? []) lines.push(nul ? `P  ${path}\0` : `P  ${formatPath(path)}\n`);
  return lines.join("");
}

/** @throws USAGE when there is none */
export function requirePaths(paths: readonly string[] | undefined, verb: string): readonly string[] {
  if (paths !== undefined && paths.length > 0) return paths;
  throw new BallastError("USAGE", `${verb} needs a path`, { hint: `git ballast help ${verb}` });
}

/** `raw`, `gzip`, or `delta` and how many deltas restoring it applies; `-` for what no store here has. */
export function encodingWords(stored: Stored | undefined): string {
  if (stored === undefined) return "-";
  return stored.base === undefined ? stored.encoding : `delta ${stored.depth ?? "?"}`;
}
