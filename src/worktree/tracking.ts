import { existsSync, readFileSync } from "node:fs";
import { join, relative, sep } from "node:path";
import ignore from "ignore";
import { BallastError } from "../errors.ts";
import { at, MANIFEST_PATH, worktreeState, type Repository } from "../git/repository.ts";
import { runGit } from "../git/run.ts";
import { lstatIfThere } from "../util/lstat-if-there.ts";
import { writeAtomically } from "../util/write-atomically.ts";
import { isBesidePath } from "./beside-name.ts";

/*
 * What is tracked stands in a marked block of the top .gitignore, in gitignore syntax:
 *
 *   # >>> ballast: tracked assets (git ballast track, git ballast remove)
 *   *.psd
 *   /textures/
 *   # <<< ballast
 *
 * Git ignores these files; Ballast versions them. Lines outside the block are the user's.
 */
const BEGIN = "# >>> ballast: tracked assets (git ballast track, git ballast remove)";
const END = "# <<< ballast";

export interface Tracking {
  /** The lines of the block, in their order; later lines override earlier ones, as in any .gitignore. */
  readonly patterns: readonly string[];
  /** Whether an asset's path (relative to the top, `/` between components) matches. */
  matches(path: string): boolean;
}

export function readTracking(repository: Repository): Tracking {
  const patterns = blockOf(readText(join(repository.top, ".gitignore"))).lines.filter((line) => line !== "" && !line.startsWith("#"));
  return tracking(patterns);
}

/** Tracking by these patterns. */
export function tracking(patterns: readonly string[]): Tracking {
  const matcher = ignore({ ignorecase: false, allowRelativePaths: false }).add(patterns as string[]);
  return { patterns, matches: (path) => patterns.length > 0 && matcher.ignores(path) };
}

/** Replaces the block, or adds one; the rest of the file stays as it is. */
export function writePatterns(repository: Repository, patterns: readonly string[]): void {
  const file = join(repository.top, ".gitignore");
  const { before, after } = blockOf(readText(file));
  writeBlock(repository, file, before, [BEGIN, ...patterns, END], after);
}

/**
 * Sets the attributes of our own files in the top .gitattributes; returns whether that changed anything.
 * @param changes tracked patterns that become lockable besides those that are, and others that are so no longer; `last` puts our lines
 *   behind all others, of which the last one counts
 */
export function writeAttributes(repository: Repository, { lockable = [], notLockable = [], last = false }: { lockable?: readonly string[]; notLockable?: readonly string[]; last?: boolean } = {}): boolean {
  const file = join(repository.top, ".gitattributes");
  const text = readText(file);
  const { before, lines: old, after } = blockOf(text);
  const around = last ? [before + after, ""] as const : [before, after] as const;
  const line = (pattern: string): string => `${attributePattern(pattern)} lockable`;
  const ended = new Set(notLockable.map(line));
  const lines = [
    "# >>> ballast",
    `/${MANIFEST_PATH} filter=ballast diff=ballast merge=ballast -text`,
    "/.gitignore merge=union",
    ...new Set([...old.filter((text) => text.endsWith(" lockable") && !ended.has(text)), ...lockable.map(line)]),
    END,
  ];
  return writeBlock(repository, file, around[0], lines, around[1]) !== text;
}

/** A tracked pattern as gitattributes(5) writes it: there a directory stands for nothing, and blanks end a pattern. */
function attributePattern(pattern: string): string {
  const files = pattern === "/**" ? "*" : pattern.endsWith("/") ? `${pattern}**` : pattern;
  return /[\s"#]/.test(files) ? `"${files.replace(/[\\"]/g, "\\$&")}"` : files;
}

function writeBlock(repository: Repository, file: string, before: string, lines: string[], after: string): string {
  const gap = before === "" || before.endsWith("\n") ? "" : "\n";
  const text = `${before}${gap}${lines.join("\n")}\n${after}`;
  if (text !== readText(file)) writeAtomically(file, text, { aside: worktreeState(repository, "tmp") });
  return text;
}

function readText(file: string): string {
  return existsSync(file) ? readFileSync(file, "utf8") : "";
}

function blockOf(text: string): { before: string; lines: string[]; after: string } {
  const block = /^# >>> ballast[^\n]*\n([\s\S]*?)^# <<< ballast[^\n]*(?:\n|$)/m.exec(text);
  if (!block) return { before: text, lines: [], after: "" };
  return {
    before: text.slice(0, block.index),
    lines: block[1]!.split(/\r?\n/).slice(0, -1),
    after: text.slice(block.index + block[0].length),
  };
}

/**
 * The pattern that an argument on the command line stands for: `/dir/` for a directory, `/file` for a file, a glob as
 * it is (below the directory where the user stands).
 * @throws USAGE for a path outside the worktree
 */
export function patternFor(repository: Repository, cwd: string, argument: string): string {
  const glob = /[*?[]/.test(argument) && !existsSync(join(cwd, argument));
  const literal = glob ? argument.slice(0, argument.search(/[*?[]/)).replace(/[^/]*$/, "") : argument;
  const absolute = literal.startsWith("/") ? literal : join(cwd, literal);
  const place = relative(repository.top, absolute).split(sep).join("/");
  if (place === ".." || place.startsWith("../")) {
    throw new BallastError("USAGE", `${argument} is outside the worktree ${repository.top}`);
  }
  if (glob) {
    const rest = argument.slice(literal.length);
    if (place === "" && !argument.includes("/")) return rest;
    const anywhere = argument.includes("/") ? "" : "**/";
    return `/${place === "" ? "" : `${escapeGlob(place)}/`}${anywhere}${rest}`;
  }
  if (place === "") return "/**";
  const stat = lstatIfThere(absolute);
  const directory = argument.endsWith("/") || stat?.isDirectory() === true;
  return `/${escapeGlob(place)}${directory ? "/" : ""}`;
}

/** A path as a gitignore pattern that matches it alone (a line feed, which no pattern can hold, as any character). */
function escapeGlob(path: string): string {
  return path.replace(/[\\*?[\]]/g, "\\$&").replace(/\n/g, "?").replace(/ +$/, (spaces) => "\\ ".repeat(spaces.length));
}

/**
 * Selects assets as the arguments of every command do: a path, a directory, or a glob. No argument selects all.
 * @throws USAGE for a path outside the worktree
 */
export function selector(repository: Repository, cwd: string, args: readonly string[]): (path: string) => boolean {
  if (args.length === 0) return () => true;
  // What is a file in one version and a directory in another is named as either: the pattern without a slash matches both.
  const patterns = args.map((argument) => patternFor(repository, cwd, argument).replace(argument.endsWith("/") ? "" : /\/$/, ""));
  return tracking(patterns).matches;
}

const COMMAND_LINE_CHARS = 64 * 1024;

/**
 * The files on disk that match a tracked pattern and are not in Git's index, by Git's own matcher and walk (nested
 * repositories, `.git`, and their versions of assets in conflict left out), in Git's order.
 * @throws NOT_UTF8 naming the file
 */
export async function listTracked(repository: Repository, patterns: readonly string[]): Promise<string[]> {
  if (patterns.length === 0) return [];
  const inline = patterns.reduce((sum, pattern) => sum + pattern.length, 0) < COMMAND_LINE_CHARS;
  let exclude = patterns.map((pattern) => `--exclude=${pattern}`);
  if (!inline) {
    const file = worktreeState(repository, "patterns");
    writeAtomically(file, `${patterns.join("\n")}\n`);
    exclude = [`--exclude-from=${file}`];
  }
  const { stdout } = await runGit(["ls-files", "--others", "--ignored", "-z", ...exclude], at(repository));
  const paths: string[] = [];
  for (let start = 0; start < stdout.length; ) {
    const end = stdout.indexOf(0, start);
    const path = stdout.toString("utf8", start, end);
    if (path.includes("\ufffd") && !Buffer.from(path).equals(stdout.subarray(start, end))) {
      throw new BallastError("NOT_UTF8", `the name of ${JSON.stringify(path)} is not valid UTF-8`, {
        hint: "rename the file, or leave it out with a later line such as !name in the ballast block of .gitignore",
      });
    }
    if (!path.endsWith("/") && !path.startsWith(".ballast/") && !isBesidePath(path)) paths.push(path);
    start = end + 1;
  }
  return paths;
}
