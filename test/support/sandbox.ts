import { execFile } from "node:child_process";
import { createCipheriv, createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { chmod, mkdir, mkdtemp, readFile, readdir, realpath, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, dirname, join, resolve } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { afterAll } from "vitest";
import { isAlive } from "../../src/util/process-name.ts";
import { builtMain } from "./build.ts";

export interface Result {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

const boxes: Sandbox[] = [];
afterAll(() => Promise.all(boxes.splice(0).map((box) => box.cleanup())));

/**
 * A temporary directory with a home, a Git configuration and a PATH of its own, on which `git ballast` is the bundle
 * of the present sources (unless `ballast` is false: nothing is built then). Removed after the test file, or by `cleanup`.
 */
export async function sandbox(options: { env?: Record<string, string>; ballast?: boolean } = {}): Promise<Sandbox> {
  const root = await realpath(await mkdtemp(join(tmpdir(), "ballast-e2e-")));
  const box = new Sandbox(root, options.env ?? {});
  boxes.push(box);
  await mkdir(join(root, "home"));
  await mkdir(join(root, "tmp"));
  await box.write("home/.gitconfig", GIT_CONFIG);
  if (options.ballast === false) return box;
  await box.write("bin/git-ballast", `#!/bin/sh\nexec ${quote(process.execPath)} ${quote(await builtMain())} "$@"\n`);
  await chmod(join(root, "bin/git-ballast"), 0o755);
  return box;
}

const GIT_CONFIG = `[init]
	defaultBranch = main
[protocol "file"]
	allow = always
[gc]
	auto = 0
[maintenance]
	auto = false
[advice]
	detachedHead = false
`;

export class Sandbox {
  readonly root: string;
  /** The whole environment of what runs here; tests may add to it. */
  readonly env: Record<string, string>;

  constructor(root: string, env: Record<string, string>) {
    this.root = root;
    this.env = {
      PATH: join(root, "bin") + delimiter + (process.env["PATH"] ?? ""),
      HOME: join(root, "home"),
      XDG_CONFIG_HOME: join(root, "home/.config"),
      TMPDIR: join(root, "tmp"),
      LANG: "C.UTF-8",
      GIT_CONFIG_GLOBAL: join(root, "home/.gitconfig"),
      GIT_CONFIG_NOSYSTEM: "1",
      GIT_TERMINAL_PROMPT: "0",
      GIT_EDITOR: "true",
      GIT_AUTHOR_NAME: "A. Author",
      GIT_AUTHOR_EMAIL: "author@example.com",
      GIT_COMMITTER_NAME: "C. Committer",
      GIT_COMMITTER_EMAIL: "committer@example.com",
      AWS_EC2_METADATA_DISABLED: "true",
      ...env,
    };
  }

  /** An absolute path; `parts` are relative to the sandbox. */
  path(...parts: string[]): string {
    return resolve(this.root, ...parts);
  }

  /** Runs Git in `cwd` (relative to the sandbox) and returns its standard output without the last line feed; it must succeed. */
  async git(cwd: string, ...args: string[]): Promise<string> {
    return must(`git ${args.join(" ")}`, await this.tryGit(cwd, ...args));
  }

  /** Runs Git, which may fail. */
  tryGit(cwd: string, ...args: string[]): Promise<Result> {
    return this.run(cwd, "git", args);
  }

  /** Runs `git-ballast`, which may fail. */
  ballast(cwd: string, ...args: string[]): Promise<Result> {
    return this.run(cwd, this.path("bin/git-ballast"), args);
  }

  /** Runs `git-ballast` and returns its standard output without the last line feed; it must succeed. */
  async mustBallast(cwd: string, ...args: string[]): Promise<string> {
    return must(`git-ballast ${args.join(" ")}`, await this.ballast(cwd, ...args));
  }

  /** Runs any program without a shell and with an empty standard input. */
  run(cwd: string, program: string, args: readonly string[], options: { input?: string | Uint8Array } = {}): Promise<Result> {
    return new Promise((done, reject) => {
      const child = execFile(program, args, { cwd: this.path(cwd), env: this.env, maxBuffer: 1 << 30 }, (error, stdout, stderr) => {
        if (error && typeof error.code === "string") return reject(error);
        done({ status: error ? ((error.code as unknown as number | undefined) ?? -1) : 0, stdout, stderr });
      });
      child.stdin?.on("error", () => {});
      child.stdin?.end(options.input);
    });
  }

  /** Writes a file and the directories above it. */
  async write(path: string, content: string | Uint8Array): Promise<void> {
    await mkdir(dirname(this.path(path)), { recursive: true });
    await writeFile(this.path(path), content);
  }

  read(path: string): Promise<Buffer> {
    return readFile(this.path(path));
  }

  exists(path: string): Promise<boolean> {
    return stat(this.path(path)).then(() => true, () => false);
  }

  /** The names of the objects in the store at `path`, sorted. */
  async objects(path: string): Promise<string[]> {
    const entries = await readdir(this.path(path, "objects"), { recursive: true, withFileTypes: true }).catch(() => []);
    return entries.filter((entry) => entry.isFile()).map((entry) => entry.name).sort();
  }

  /** Waits until the settling that a Git command left behind in the background has ended. */
  async settled(repo: string, { timeoutMs = 60_000, gitDir }: { timeoutMs?: number; gitDir?: string } = {}): Promise<void> {
    gitDir ??= await this.git(repo, "rev-parse", "--absolute-git-dir");
    const until = Date.now() + timeoutMs;
    while (await isWaiting(join(gitDir, "ballast/waiter"))) {
      if (Date.now() > until) throw new Error(`${repo} did not settle within ${timeoutMs} ms`);
      await pause(10);
    }
  }

  /** Removes everything. */
  async cleanup(): Promise<void> {
    await rm(this.root, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
  }
}

/** Whether the process that `file` names is there; one that was killed leaves its name behind. */
async function isWaiting(file: string): Promise<boolean> {
  return isAlive(Number(await readFile(file, "utf8").catch(() => "0")));
}

/** Content that does not compress and is the same for the same seed. */
export function random(sizeBytes: number, seed: string | number): Buffer {
  const key = createHash("sha256").update(String(seed)).digest();
  return createCipheriv("aes-256-ctr", key, Buffer.alloc(16)).update(Buffer.alloc(sizeBytes));
}

/** The oid of some content. */
export function sha256(content: string | Uint8Array): string {
  return createHash("sha256").update(content).digest("hex");
}

/** The same of a file of any size. */
export async function sha256OfFile(file: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(file, { highWaterMark: 1024 * 1024 })) hash.update(chunk as Buffer);
  return hash.digest("hex");
}

function must(what: string, { status, stdout, stderr }: Result): string {
  if (status !== 0) throw new Error(`${what} ended with status ${status}\n${stderr}${stdout}`);
  return stdout.replace(/\n$/, "");
}

function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
