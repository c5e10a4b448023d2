import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { readIfThere } from "../util/read-if-there.ts";
import { at, MANIFEST_PATH, type Repository } from "./repository.ts";
import { runGit } from "./run.ts";

/**
 * The paths among these to which Git gives the attribute `name` (gitattributes(5)). Git is asked only when the top
 * `.gitattributes` or `.git/info/attributes` mentions it: most repositories do without.
 */
export async function withAttribute(repository: Repository, name: string, paths: readonly string[]): Promise<Set<string>> {
  if (paths.length === 0 || !isMentioned(repository, name)) return new Set();
  const input = paths.map((path) => `${path}\0`).join("");
  const { stdout } = await runGit(["check-attr", "-z", "--stdin", name], at(repository, { input }));
  // <path> NUL <attribute> NUL <value> NUL
  const fields = stdout.toString().split("\0");
  const found = new Set<string>();
  for (let i = 0; i + 2 < fields.length; i += 3) if (!WITHOUT.has(fields[i + 2]!)) found.add(fields[i]!);
  return found;
}

/** Why Git does not see that assets change, or would write a manifest that nobody can read, and what mends it. */
export interface Blindness {
  readonly what: string;
  readonly why: string;
  readonly mend: string;
}

/**
 * What keeps Git from giving the manifest to our drivers; undefined when it does. Git is asked only where attributes come after
 * ours: most repositories do without.
 */
export async function blindness(repository: Repository): Promise<Blindness | undefined> {
  const text = readIfThere(join(repository.top, ".gitattributes")) ?? "";
  const ours = /^.*manifest\.jsonl\s.*filter=ballast\b.*diff=ballast\b.*merge=ballast\b.*$/m.exec(text);
  if (ours === null) return { what: BLIND, why: ".gitattributes does not name the manifest's drivers", mend: "git ballast init" };
  const further = /^(?!\/\.gitignore )[^#\s]/m.test(text.slice(ours.index + ours[0].length));
  if (!further && !existsSync(join(repository.commonDir, OTHER))) return undefined;
  const { stdout } = await runGit(["check-attr", "-z", "filter", "diff", "merge", "text", "--", MANIFEST_PATH], at(repository));
  const values = Array.from(stdout.toString().matchAll(/[^\0]*\0([^\0]*)\0([^\0]*)\0/g), ([, name, value]) => [name!, value!] as const);
  const taken = values.find(([name, value]) => value !== (name === "text" ? "unset" : "ballast"));
  if (taken === undefined) return undefined;
  const [place, mend] = further ? [".gitattributes", "git ballast init puts Ballast's lines last"] : [OTHER, "take that line away"];
  return { what: taken[0] === "text" ? "Git may write the manifest with CR LF" : BLIND, why: `a line of ${place} after Ballast's takes the manifest (${taken.join(": ")})`, mend };
}

const BLIND = "git status does not see assets";
/** Attributes that count more than those of the worktree, in the common Git directory. */
const OTHER = "info/attributes";

const WITHOUT = new Set(["unspecified", "unset", "false"]);

function isMentioned(repository: Repository, name: string): boolean {
  const files = [join(repository.top, ".gitattributes"), join(repository.commonDir, OTHER)];
  return files.some((file) => existsSync(file) && readFileSync(file, "utf8").includes(name));
}
