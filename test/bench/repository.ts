import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { objectKey, parseName, type ObjectName } from "../../src/object/name.ts";
import { builtMain } from "../support/build.ts";
import { removeTree } from "./files.ts";
import type { Command } from "./measure.ts";
import { output } from "./programs.ts";

/** An object of the local store. */
export interface StoredObject extends ObjectName {
  readonly sizeBytes: number;
}

/** What keeps the assets of a repository. */
export type Keeper = "Ballast" | "git-lfs" | "git";

/** The file that says that a directory is a store. */
const MARK = "ballast.json";
/** Beyond the grain of every file system's times. */
const REST_MS = 3000;

/** Where a repository pushes to. */
export interface Upstream {
  /** The directory of the bare repository, and of Ballast's store where nothing else is said. */
  readonly directory: string;
  /** The URL of Ballast's store, and what its processes need in their environment. */
  readonly store?: { readonly url: string; readonly env: Readonly<Record<string, string>> };
}

/** A repository in a home of its own, in which plain Git and the bundle of the present sources work. */
export class Repository {
  readonly keeper: Keeper;
  readonly path: string;
  readonly env: Readonly<Record<string, string>>;
  readonly #upstream: Upstream | undefined;
  #mark: Buffer | undefined;

  /**
   * Makes `directory/repo`, in which the keeper is installed and keeps what matches a pattern.
   * @param upstream where it pushes to, which is made too; without, Ballast's store is in the Git directory
   */
  static async create(directory: string, keeper: Keeper, pattern: string, upstream?: Upstream): Promise<Repository> {
    mkdirSync(directory, { recursive: true });
    const repository = new Repository(directory, keeper, await builtMain(), upstream);
    repository.git("init", "-q", ".");
    if (upstream !== undefined) {
      repository.renewUpstream();
      repository.git("remote", "add", "origin", repository.upstreamUrl);
      repository.git("config", "push.autoSetupRemote", "true");
    }
    if (keeper === "Ballast") {
      repository.git("ballast", "init", "-q", ...(upstream ? [upstream.store?.url ?? `file://${upstream.directory}/store`] : []));
      repository.git("ballast", "track", "-q", pattern);
      if (upstream !== undefined && upstream.store === undefined) repository.#mark = readFileSync(join(repository.store, MARK));
    } else if (keeper === "git-lfs") {
      // In the home, so that clones have it too.
      repository.git("lfs", "install");
      repository.git("lfs", "track", pattern);
    }
    return repository;
  }

  private constructor(directory: string, keeper: Keeper, main: string, upstream: Upstream | undefined) {
    this.keeper = keeper;
    this.#upstream = upstream;
    this.path = join(directory, "repo");
    for (const name of ["repo", "home", "bin"]) mkdirSync(join(directory, name));
    const ballast = join(directory, "bin/git-ballast");
    writeFileSync(ballast, `#!/bin/sh\nexec "${process.execPath}" "${main}" "$@"\n`);
    chmodSync(ballast, 0o755);
    writeFileSync(join(directory, "home/.gitconfig"), "[init]\n\tdefaultBranch = main\n[user]\n\tname = A. Author\n\temail = author@example.com\n[gc]\n\tauto = 0\n[maintenance]\n\tauto = 0\n[advice]\n\tdetachedHead = false\n");
    this.env = {
      PATH: join(directory, "bin") + delimiter + (process.env["PATH"] ?? ""),
      HOME: join(directory, "home"),
      XDG_CONFIG_HOME: join(directory, "home/.config"),
      GIT_CONFIG_GLOBAL: join(directory, "home/.gitconfig"),
      GIT_CONFIG_NOSYSTEM: "1",
      GIT_TERMINAL_PROMPT: "0",
      ...upstream?.store?.env,
    };
  }

  /** The URL of the bare repository. @throws Error when there is no upstream */
  get upstreamUrl(): string {
    return `file://${this.upstream}`;
  }

  /** The bare repository. */
  get upstream(): string {
    return join(this.#directory, "upstream.git");
  }

  /** Ballast's store, where it is a directory. */
  get store(): string {
    return join(this.#directory, "store");
  }

  get #directory(): string {
    if (this.#upstream === undefined) throw new Error(`${this.path} has no upstream`);
    return this.#upstream.directory;
  }

  /** Whether what is pushed lies in a directory. */
  get pushesToDirectory(): boolean {
    return this.#upstream !== undefined && this.#upstream.store === undefined;
  }

  /** Makes the upstream and the directory of the store anew and empty, as if nothing had ever been pushed. */
  renewUpstream(): void {
    mkdirSync(this.#directory, { recursive: true });
    for (const directory of [this.upstream, this.store]) removeTree(directory);
    this.git("init", "-q", "--bare", this.upstream);
    for (const ref of this.git("for-each-ref", "--format=%(refname)", "refs/remotes").split("\n").filter(Boolean)) this.git("update-ref", "-d", ref);
    if (this.#mark === undefined) return;
    mkdirSync(this.store);
    writeFileSync(join(this.store, MARK), this.#mark);
  }

  /** The command that makes a clone with all assets, to be measured. */
  clone(target: string): Command {
    return { ...this.command(...(this.keeper === "Ballast" ? ["ballast"] : []), "clone", "-q", this.upstreamUrl, target), cwd: join(this.path, "..") };
  }

  /** A Git command, to be measured. */
  command(...args: string[]): Command {
    return { program: "git", args, cwd: this.path, env: this.env };
  }

  /** Runs Git unmeasured; returns its standard output. @throws Error when it fails */
  git(...args: string[]): string {
    return output("git", args, { cwd: this.path, env: { ...process.env, ...this.env } });
  }

  /** Commits everything, unmeasured, and waits until it has settled; returns the commit. */
  async commit(message: string): Promise<string> {
    this.git("add", "--all");
    this.git("commit", "-q", "-m", message);
    await this.settled();
    return this.git("rev-parse", "HEAD");
  }

  /** Waits until what Git commands left behind in the background has ended. */
  async settled(): Promise<void> {
    for (let tries = 0; existsSync(join(this.path, ".git/ballast/waiter")); tries++) {
      if (tries > 3000) throw new Error(`${this.path} does not settle`);
      await pause(10);
    }
  }

  /** Waits until nothing was written a moment ago, which everybody looks at again, and has that done. */
  async rest(): Promise<void> {
    const age = Date.now() - statSync(join(this.path, ".git/index")).mtimeMs;
    await pause(Math.max(0, REST_MS - age));
    this.git("status");
    await this.settled();
  }

  /** What a listing of the local store shows, by oid. */
  objects(): Map<string, StoredObject> {
    const store = join(this.path, ".git/ballast");
    const names = readdirSync(join(store, "objects"), { recursive: true, encoding: "utf8" }).flatMap((path) => parseName(path.slice(3)) ?? []);
    return new Map(names.map((name) => [name.oid, { ...name, sizeBytes: statSync(join(store, objectKey(name))).size }]));
  }
}
