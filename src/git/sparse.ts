/*
 * Git's sparse-checkout rules, applied to paths that Git itself does not know. Git has a matcher for that
 * (`git sparse-checkout check-rules`) only since 2.41, so this is one after git-sparse-checkout(1) and gitignore(5),
 * for cone mode and for patterns alike: cone mode is a set of patterns of one form.
 *
 * The last pattern that matches a path decides. When none does, the directory above it is asked in the same way, up to
 * the top; what nobody decides is left out.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gitFlag } from "./config.ts";
import type { Repository } from "./repository.ts";

/** Whether a path is within `git sparse-checkout`; undefined where that is not in use. */
export async function sparseRules(repository: Repository): Promise<((path: string) => boolean) | undefined> {
  const file = join(repository.gitDir, "info", "sparse-checkout");
  // Most worktrees have no such file, and then no process is started.
  if (!existsSync(file)) return undefined;
  if (!(await gitFlag(repository, "core.sparseCheckout"))) return undefined;
  return sparseMatcher(readFileSync(file, "utf8"));
}

/** The rules of a sparse-checkout file. */
export function sparseMatcher(text: string): (path: string) => boolean {
  const patterns = text.split("\n").flatMap((line) => parse(line) ?? []);
  const directories = new Map<string, boolean>();
  const decide = (path: string, isDirectory: boolean): boolean => {
    const name = path.slice(path.lastIndexOf("/") + 1);
    const found = patterns.findLast((pattern) => (isDirectory || !pattern.directory) && pattern.regex.test(pattern.anchored ? path : name));
    if (found) return found.included;
    const slash = path.lastIndexOf("/");
    return slash > 0 && within(path.slice(0, slash));
  };
  const within = (directory: string): boolean => {
    const known = directories.get(directory);
    if (known !== undefined) return known;
    const answer = decide(directory, true);
    directories.set(directory, answer);
    return answer;
  };
  return (path) => decide(path, false);
}

interface Pattern {
  readonly included: boolean;
  /** Matches directories only. */
  readonly directory: boolean;
  /** Matches the path from the top, and not just its last component. */
  readonly anchored: boolean;
  readonly regex: RegExp;
}

function parse(line: string): Pattern | undefined {
  let glob = line.replace(/\r$/, "").replace(/^((?:[^\\]|\\.)*?) +$/, "$1");
  if (glob === "" || glob.startsWith("#")) return undefined;
  const included = !glob.startsWith("!");
  if (!included) glob = glob.slice(1);
  const directory = glob.endsWith("/");
  if (directory) glob = glob.slice(0, -1);
  const anchored = glob.includes("/");
  if (glob.startsWith("/")) glob = glob.slice(1);
  const source = translate(glob, anchored);
  return source === undefined ? undefined : { included, directory, anchored, regex: new RegExp(`^${source}$`, "su") };
}

/** A glob as a regular expression; undefined for one that can match nothing. */
function translate(glob: string, anchored: boolean): string | undefined {
  let source = "";
  for (let i = 0; i < glob.length; ) {
    const rest = glob.slice(i);
    const atStart = i === 0 || glob[i - 1] === "/";
    let found: RegExpExecArray | null;
    if (anchored && atStart && (found = /^\*\*\//.exec(rest))) source += "(?:.*/)?";
    else if (anchored && atStart && (found = /^\*\*$/.exec(rest))) source += ".*";
    else if ((found = /^\*+/.exec(rest))) source += "[^/]*";
    else if ((found = /^\?/.exec(rest))) source += "[^/]";
    else if ((found = /^\[([!^]?)((?:\[:[a-z]+:\]|\\.|[^\\\]]|(?<=\[[!^]?)\])+)\]/u.exec(rest))) source += set(found[1]!, found[2]!);
    else if (rest === "\\" || rest.startsWith("[")) return undefined;
    else {
      found = /^(?:\\(.)|(.))/su.exec(rest)!;
      source += escapeCharacter(found[1] ?? found[2]!);
    }
    i += found[0].length;
  }
  return source;
}

/** A bracket expression; it never matches a slash. */
function set(negation: string, members: string): string {
  const inside = members.replace(/\[:([a-z]+):\]|\\(.)|([\s\S])/gu, (_, name: string | undefined, escaped: string | undefined, plain: string | undefined) => {
    if (name !== undefined) return CLASSES[name] ?? "";
    if (plain === "-") return "-";
    return escaped === "-" ? "\\-" : escapeCharacter(escaped ?? plain!);
  });
  return `(?!/)[${negation === "" ? "" : "^"}${inside.replace(/^-|-$/g, "\\-")}]`;
}

const CLASSES: Readonly<Record<string, string>> = { alpha: "A-Za-z", digit: "0-9", alnum: "A-Za-z0-9", upper: "A-Z", lower: "a-z", space: "\\s", xdigit: "0-9A-Fa-f" };

function escapeCharacter(character: string): string {
  return /[\\^$.*+?()[\]{}|/]/.test(character) ? `\\${character}` : character;
}
