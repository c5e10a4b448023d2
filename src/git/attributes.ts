import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { at, type Repository } from "./repository.ts";
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

/** Whether `.gitattributes` gives the manifest to our drivers; without that, Git does not see that assets change. */
export function namesDrivers({ top }: Repository): boolean {
  const file = join(top, ".gitattributes");
  return existsSync(file) && /^.*manifest\.jsonl\s.*filter=ballast\b.*diff=ballast\b.*merge=ballast\b/m.test(readFileSync(file, "utf8"));
}

const WITHOUT = new Set(["unspecified", "unset", "false"]);

function isMentioned(repository: Repository, name: string): boolean {
  const files = [join(repository.top, ".gitattributes"), join(repository.commonDir, "info", "attributes")];
  return files.some((file) => existsSync(file) && readFileSync(file, "utf8").includes(name));
}
