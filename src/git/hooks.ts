import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { driverProgram, packageRoot, shellQuote } from "../util/package-root.ts";
import { writeAtomically } from "../util/write-atomically.ts";
import { at, type Repository } from "./repository.ts";
import { gitText } from "./run.ts";

export const HOOKS = [
  "pre-commit",
  "pre-push",
  "post-commit",
  "post-checkout",
  "post-merge",
  "post-rewrite",
  "post-index-change",
] as const;

export interface HookAction {
  readonly name: string;
  readonly action: "installed" | "updated" | "unchanged" | "removed" | "absent";
}

const BLOCK = /^# >>> ballast\n[\s\S]*?^# <<< ballast\n/m;
/** Where a hook that is no shell script is kept while ours calls it. */
const ASIDE = ".before-ballast";

/** The directory where Git looks for hooks, `core.hooksPath` included. */
export async function hooksDirectory(repository: Repository): Promise<string> {
  return resolve(repository.top, await gitText(["rev-parse", "--git-path", "hooks"], at(repository)));
}

/**
 * Puts our block into each hook, beside whatever is there: a shell script gets it after its first line, any other
 * program is called after it. Repeating it changes nothing.
 */
export async function installHooks(repository: Repository): Promise<HookAction[]> {
  const directory = await hooksDirectory(repository);
  mkdirSync(directory, { recursive: true });
  return HOOKS.map((name) => ({ name, action: installHook(join(directory, name)) }));
}

/** Takes our block out of each hook; a hook that held nothing else is removed. */
export async function uninstallHooks(repository: Repository): Promise<HookAction[]> {
  const directory = await hooksDirectory(repository);
  return HOOKS.map((name) => ({ name, action: uninstallHook(join(directory, name)) }));
}

/** The hooks that are missing or not as this version writes them. */
export async function outdatedHooks(repository: Repository): Promise<string[]> {
  const directory = await hooksDirectory(repository);
  return HOOKS.filter((name) => !existsSync(join(directory, name)) || !readFileSync(join(directory, name), "utf8").includes(block(name)));
}

function installHook(file: string): HookAction["action"] {
  const ours = block(basename(file));
  if (!existsSync(file)) {
    write(file, `#!/bin/sh\n${ours}`);
    return "installed";
  }
  const text = readFileSync(file, "utf8");
  if (text.includes(ours)) return "unchanged";
  if (BLOCK.test(text)) {
    write(file, text.replace(BLOCK, () => ours));
    return "updated";
  }
  if (isShellScript(text)) {
    const [first, ...rest] = text.split("\n");
    write(file, [first, ours + rest.join("\n")].join("\n"));
  } else {
    renameSync(file, file + ASIDE);
    write(file, `#!/bin/sh\n${ours}exec "$0${ASIDE}" "$@"\n`);
  }
  return "installed";
}

function uninstallHook(file: string): HookAction["action"] {
  if (!existsSync(file)) return "absent";
  const text = readFileSync(file, "utf8");
  if (!BLOCK.test(text)) return "absent";
  const rest = text.replace(BLOCK, "");
  if (existsSync(file + ASIDE)) renameSync(file + ASIDE, file);
  else if (rest.trim() === "#!/bin/sh") rmSync(file);
  else write(file, rest);
  return "removed";
}

function isShellScript(text: string): boolean {
  return /^#!.*\b(ba|da|k|z|a)?sh\b/.test(text.split("\n", 1)[0]!);
}

function write(file: string, text: string): void {
  const mode = existsSync(file) ? statSync(file).mode & 0o777 : 0o755;
  writeAtomically(file, text, { mode: mode | 0o111 });
  chmodSync(file, mode | 0o111);
}

function block(name: string): string {
  const directory = join(packageRoot(), "hooks");
  const common = readFileSync(join(directory, "common.sh"), "utf8").trim();
  return readFileSync(join(directory, name), "utf8")
    .replace("@COMMON@", () => common)
    .replaceAll("@NODE@", () => shellQuote(process.execPath))
    .replaceAll("@MAIN@", () => shellQuote(driverProgram()));
}
