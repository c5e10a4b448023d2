import { existsSync } from "node:fs";
import type { Context } from "../../context.ts";
import { isBallastError } from "../../errors.ts";
import { at } from "../../git/repository.ts";
import { gitText, runGit } from "../../git/run.ts";
import type { Diagnosis } from "../../store/port.ts";
import { mainProgram } from "../../util/package-root.ts";

const GIT_FLOOR = [2, 30] as const;
const NODE_FLOOR = [20, 0] as const;

/** Checks the programs: Git, Node, and what hooks will find. */
export async function checkMachine(context: Context): Promise<Diagnosis[]> {
  return [await gitVersion(context), nodeVersion(), await programForHooks(context)];
}

async function gitVersion({ repository }: Context): Promise<Diagnosis> {
  const name = "Git version";
  try {
    const said = await gitText(["--version"], at(repository));
    const version = /\d+\.\d+(?:\.\d+)?/.exec(said)?.[0];
    if (version === undefined) return { name, ok: "unknown", detail: said };
    return isAtLeast(version, GIT_FLOOR) ? { name, ok: true, detail: version } : { name, ok: false, detail: `${version} is too old`, mend: "install Git 2.30 or later" };
  } catch (error) {
    if (!isBallastError(error)) throw error;
    return { name, ok: false, detail: error.message, mend: error.hint ?? "install Git 2.30 or later" };
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


function isAtLeast(version: string, [major, minor]: readonly [number, number]): boolean {
  const [a = 0, b = 0] = version.split(".").map(Number);
  return a > major || (a === major && b >= minor);
}
