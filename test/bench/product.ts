import { chmodSync, existsSync, mkdirSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { objectKey, parseName, type ObjectName } from "../../src/object/name.ts";
import { builtMain } from "../support/build.ts";
import type { Command } from "./measure.ts";
import { output } from "./programs.ts";

/** An object of the local store. */
export interface StoredObject extends ObjectName {
  readonly sizeBytes: number;
}

/** A repository in a home of its own, in which plain Git and the bundle of the present sources work. */
export class Repository {
  readonly path: string;
  readonly env: Readonly<Record<string, string>>;

  /** Makes `directory/repo`; with Ballast installed and one pattern tracked unless `track` is undefined. */
  static async create(directory: string, track: string | undefined): Promise<Repository> {
    const repository = new Repository(directory, await builtMain());
    repository.git("init", "-q", ".");
    if (track === undefined) return repository;
    repository.git("ballast", "init", "-q");
    repository.git("ballast", "track", "-q", track);
    return repository;
  }

  private constructor(directory: string, main: string) {
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
    };
  }

  /** A Git command, to be measured. */
  command(...args: string[]): Command {
    return { program: "git", args, cwd: this.path, env: this.env };
  }

  /** Runs Git unmeasured; returns its standard output. @throws Error when it fails */
  git(...args: string[]): string {
    return output("git", args, { cwd: this.path, env: { ...process.env, ...this.env } });
  }

  /** Waits until what Git commands left behind in the background has ended. */
  async settled(): Promise<void> {
    for (let tries = 0; existsSync(join(this.path, ".git/ballast/waiter")); tries++) {
      if (tries > 3000) throw new Error(`${this.path} does not settle`);
      await pause(10);
    }
  }

  /** What a listing of the local store shows, by oid. */
  objects(): Map<string, StoredObject> {
    const store = join(this.path, ".git/ballast");
    const names = readdirSync(join(store, "objects"), { recursive: true, encoding: "utf8" }).flatMap((path) => parseName(path.slice(3)) ?? []);
    return new Map(names.map((name) => [name.oid, { ...name, sizeBytes: statSync(join(store, objectKey(name))).size }]));
  }
}
