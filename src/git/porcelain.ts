import type { SimpleGit, SimpleGitOptions } from "simple-git";
import { environment } from "../config/environment.ts";
import { BallastError } from "../errors.ts";
import type { Repository } from "./repository.ts";

/*
 * The Git commands that users know, run for them as if they had typed them: options of their own, their environment,
 * progress and prompts on their terminal. Everything that Ballast itself asks of Git goes through run.ts.
 */

/** The names of the remotes. */
export async function remotes(repository: Repository): Promise<string[]> {
  return (await (await open(repository.top)).getRemotes()).map(({ name }) => name);
}

/**
 * The remote that `git push` would choose here: the branch's own, the configured default, the only one, or `origin`;
 * undefined when there is none.
 */
export async function defaultRemote(repository: Repository): Promise<string | undefined> {
  const git = await open(repository.top);
  const names = (await git.getRemotes()).map(({ name }) => name);
  const branch = (await git.raw(["branch", "--show-current"])).trim();
  const keys = [...(branch === "" ? [] : [`branch.${branch}.pushRemote`]), "remote.pushDefault", ...(branch === "" ? [] : [`branch.${branch}.remote`])];
  for (const key of keys) {
    const { value } = await git.getConfig(key);
    if (value !== null && names.includes(value)) return value;
  }
  return names.length === 1 ? names[0] : names.find((name) => name === "origin");
}

/**
 * `git clone` with the user's options; what it writes goes to this process's standard error.
 * @throws GIT_FAILED; Git has then removed what it had begun
 */
export async function clone(cwd: string, url: string, directory: string, options: readonly string[], signal: AbortSignal): Promise<void> {
  const git = await open(cwd, signal, process.stderr);
  const progress = process.stderr.isTTY ? ["--progress"] : [];
  await attempt("clone", signal, () => git.raw(["clone", ...progress, ...options, "--", url, directory]));
}

/** `git fetch` with arguments, on this process's standard error. @throws GIT_FAILED */
export async function fetchRefs(repository: Repository, args: readonly string[], signal: AbortSignal): Promise<void> {
  const git = await open(repository.top, signal, process.stderr);
  await attempt("fetch", signal, () => git.raw(["fetch", ...args]));
}

/**
 * `git pull` with arguments. It may open an editor for a merge or a rebase, so unlike the others it is given the
 * terminal itself.
 * @throws GIT_FAILED
 */
export async function pull(cwd: string, args: readonly string[], signal: AbortSignal): Promise<void> {
  const { spawn } = await import("node:child_process");
  const status = await new Promise<number>((resolve, reject) => {
    // Data goes to standard output only; what Git says here is for eyes.
    const child = spawn("git", ["pull", ...args], { cwd, stdio: ["inherit", process.stdout.isTTY ? "inherit" : 2, "inherit"], signal });
    child.once("error", (error) => reject(signal.aborted ? signal.reason : failed("pull", error.message, error)));
    child.once("close", (code) => resolve(code ?? -1));
  });
  if (status !== 0) throw failed("pull", `exit status ${status}`);
}

/** simple-git, loaded when it is first needed: most commands start faster without. */
async function open(directory: string, signal?: AbortSignal, output?: NodeJS.WritableStream): Promise<SimpleGit> {
  const { simpleGit } = await import("simple-git");
  const options: Partial<SimpleGitOptions> = {
    baseDir: directory,
    // The words and the environment are the user's own, not those of a third party from whom simple-git guards.
    allowEnvironment: Object.keys(environment()),
    unsafe: Object.fromEntries(GUARDS.map((guard) => [guard, true])),
    ...(signal ? { abort: signal } : {}),
  };
  const git = simpleGit(options);
  if (output) {
    git.outputHandler((_command, stdout, stderr) => {
      stdout.pipe(output, { end: false });
      stderr.pipe(output, { end: false });
    });
  }
  return git;
}

/** Everything that simple-git can refuse to run. */
const GUARDS: readonly (keyof NonNullable<SimpleGitOptions["unsafe"]>)[] = [
  "allowAbbreviatedOptions", "allowUnsafeAlias", "allowUnsafeAskPass", "allowUnsafeCommandBinaries",
  "allowUnsafeConfigEnvCount", "allowUnsafeConfigPaths", "allowUnsafeCredentialHelper", "allowUnsafeDiffExternal",
  "allowUnsafeDiffTextConv", "allowUnsafeEditor", "allowUnsafeExec", "allowUnsafeFilter", "allowUnsafeFsMonitor",
  "allowUnsafeGitProxy", "allowUnsafeGpgProgram", "allowUnsafeHooksPath", "allowUnsafeInclude",
  "allowUnsafeMergeDriver", "allowUnsafePack", "allowUnsafePager", "allowUnsafeProtocolOverride",
  "allowUnsafeSshCommand", "allowUnsafeSubmodule", "allowUnsafeTemplateDir", "allowUnsafeUrlRewrite",
];

async function attempt(verb: string, signal: AbortSignal, work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    const said = error instanceof Error ? error.message.trim().split("\n").findLast((line) => /^(fatal|error):/.test(line)) : undefined;
    throw failed(verb, said?.replace(/^(fatal|error): /, "") ?? "see its message above", error);
  }
}

function failed(verb: string, why: string, cause?: unknown): BallastError {
  return new BallastError("GIT_FAILED", `git ${verb} failed: ${why}`, cause === undefined ? {} : { cause });
}
