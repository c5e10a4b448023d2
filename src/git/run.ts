import { execFile, spawn } from "node:child_process";
import { environment } from "../config/environment.ts";
import { BallastError } from "../errors.ts";

export interface RunOptions {
  readonly cwd: string;
  /** Added to, or with `undefined` removed from, the environment of this process. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly input?: string | Uint8Array;
  readonly signal?: AbortSignal;
  /** Exit statuses other than 0 that are an answer and not a failure. */
  readonly accept?: readonly number[];
}

export interface RunResult {
  readonly status: number;
  readonly stdout: Buffer;
}

/**
 * Runs one Git command and returns what it wrote to standard output, as bytes (paths need not be UTF-8).
 * For commands whose output is small or wanted whole; {@link streamGit} is for the others.
 * @throws GIT_FAILED with Git's own last line
 */
export function runGit(args: readonly string[], options: RunOptions): Promise<RunResult> {
  return new Promise((resolve, reject) => {
    const child = execFile(
      "git",
      args,
      {
        cwd: options.cwd,
        env: childEnvironment(options.env),
        encoding: "buffer",
        maxBuffer: 4 * 1024 ** 3,
        ...(options.signal ? { signal: options.signal } : {}),
      },
      (error, stdout, stderr) => {
        if (!error) return resolve({ status: 0, stdout });
        if (options.signal?.aborted) return reject(options.signal.reason);
        const status = typeof error.code === "number" ? error.code : -1;
        if (options.accept?.includes(status)) return resolve({ status, stdout });
        reject(gitFailure(args, error, stderr.toString()));
      },
    );
    child.stdin?.on("error", () => {});
    child.stdin?.end(options.input);
  });
}

/** {@link runGit}, for output that is text; without the last line feed. */
export async function gitText(args: readonly string[], options: RunOptions): Promise<string> {
  return (await runGit(args, options)).stdout.toString().replace(/\n$/, "");
}

/**
 * Git reads one version of the manifest after the other. By default the C library of Linux gives memory of that size back
 * to the kernel each time, which clears it for the next: a fifth of the CPU time of a walk through history. In bytes.
 */
const KEEPS_MEMORY = { MALLOC_MMAP_THRESHOLD_: String(4 * 1024 ** 2), MALLOC_TRIM_THRESHOLD_: String(16 * 1024 ** 2) };

/**
 * Runs one Git command and yields its standard output as it comes.
 * @throws GIT_FAILED after the last chunk when it exits with a status other than 0
 */
export async function* streamGit(args: readonly string[], options: RunOptions): AsyncGenerator<Buffer> {
  const child = spawn("git", args, {
    cwd: options.cwd,
    env: childEnvironment({ ...KEEPS_MEMORY, ...options.env }),
    stdio: ["pipe", "pipe", "pipe"],
    ...(options.signal ? { signal: options.signal } : {}),
  });
  let stderr = "";
  child.stderr.on("data", (chunk: Buffer) => (stderr = (stderr + chunk.toString()).slice(-4096)));
  child.stdin.on("error", () => {});
  child.stdin.end(options.input);
  const ended = new Promise<number>((resolve, reject) => {
    child.once("error", (error) => reject(gitFailure(args, error, stderr)));
    child.once("close", (code) => resolve(code ?? -1));
  });
  ended.catch(() => {});
  try {
    yield* child.stdout as AsyncIterable<Buffer>;
    const status = await ended;
    if (status !== 0) throw gitFailure(args, new Error(`exit status ${status}`), stderr);
  } finally {
    if (child.exitCode === null) child.kill();
  }
}

/** Git before 2.40 hands its hooks and filters in a submodule a variable with which most of its commands refuse to run. */
const FOREIGN = { GIT_INTERNAL_SUPER_PREFIX: undefined };

function childEnvironment(extra: RunOptions["env"]): NodeJS.ProcessEnv {
  const env: NodeJS.ProcessEnv = { ...environment(), LC_ALL: "C", ...FOREIGN, ...extra };
  for (const [name, value] of Object.entries(env)) if (value === undefined) delete env[name];
  return env;
}

function gitFailure(args: readonly string[], error: Error, stderr: string): BallastError {
  if ("code" in error && error.code === "ENOENT") {
    return new BallastError("GIT_FAILED", "git was not found", { hint: "install Git 2.30 or later", cause: error });
  }
  const said = stderr.trim().split("\n").filter(Boolean).at(-1) ?? error.message;
  const verb = args.find((arg) => /^[a-z][a-z-]+$/.test(arg)) ?? args[0];
  return new BallastError("GIT_FAILED", `git ${verb} failed: ${said.replace(/^(fatal|error): /, "")}`, { cause: error });
}
