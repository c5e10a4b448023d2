import { existsSync } from "node:fs";
import type { Context } from "../../context.ts";
import { isBallastError } from "../../errors.ts";
import { at } from "../../git/repository.ts";
import { runGit } from "../../git/run.ts";
import { GIT_FLOOR, GIT_HINT, gitVersion, isAtLeast } from "../../git/version.ts";
import type { Diagnosis } from "../../store/port.ts";
import { mainProgram } from "../../util/package-root.ts";

const NODE_FLOOR = [20, 0] as const;

/** Checks the programs: Git, Node, and what hooks will find. */
export async function checkMachine(context: Context): Promise<Diagnosis[]> {
  return [await checkGit(context), nodeVersion(), await programForHooks(context)];
}

async function checkGit({ repository }: Context): Promise<Diagnosis> {
  const name = "Git version";
  try {
    const version = await gitVersion(repository);
    if (version === undefined) return { name, ok: "unknown", detail: "git --version names none" };
    return isAtLeast(version, GIT_FLOOR) ? { name, ok: true, detail: version } : { name, ok: false, detail: `${version} is too old`, mend: GIT_HINT };
  } catch (error) {
    if (!isBallastError(error)) throw error;
    return { name, ok: false, detail: error.message, mend: error.hint ?? GIT_HINT };
  }
}

function nodeVersion(): Diagnosis {
  const name = "Node version";
  const { node } = process.versions;
  return isAtLeast(node, NODE_FLOOR) ? { name, ok: true, detail: node } : { name, ok: false, detail: `${node} is too old`, mend: "install Node 20 or later, then npm install -g git-ballast" };
}

/**
 * Hooks start the program that installed them, and where that is gone the one on their PATH, which is Git's: perhaps
 * not the one of the terminal.
 */
async function programForHooks({ repository }: Context): Promise<Diagnosis> {
  const name = "program for hooks";
  if (existsSync(mainProgram())) {
    const found = await onHooksPath(repository);
    const detail = `${mainProgram()}; on the PATH that hooks see: ${found ?? "none"}`;
    return found === undefined
      ? { name, ok: "unknown", detail, mend: "npm install -g git-ballast, so that hooks still work when this copy is moved" }
      : { name, ok: true, detail };
  }
  const found = await onHooksPath(repository);
  if (found !== undefined) return { name, ok: true, detail: found };
  return { name, ok: false, detail: "git-ballast is not on the PATH that hooks see", mend: "npm install -g git-ballast" };
}

/** Asks in the way that Git starts a hook: through sh, with Git's own directory in front. */
async function onHooksPath(repository: Context["repository"]): Promise<string | undefined> {
  const { stdout } = await runGit(["-c", "alias.ballast-which=!command -v git-ballast", "ballast-which"], at(repository, { accept: [1, 127] }));
  const found = stdout.toString().trim();
  return found === "" ? undefined : found;
}
