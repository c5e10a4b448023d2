import { createHash } from "node:crypto";
import { realpathSync } from "node:fs";
import { hostname } from "node:os";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { remotes } from "./porcelain.ts";
import { at, type Repository } from "./repository.ts";
import { runGit } from "./run.ts";

/** Which repository it is that uses a store: the one that is pushed to, whoever pushes and from wherever. */
export interface RepositoryId {
  /** 32 lower-case hex digits. */
  readonly id: string;
  /** What people know it by, without credentials: `example.com/team/game`, `desk:/srv/git/game.git`. */
  readonly label: string;
}

/** The repository at a URL or path that Git pushes to. @param url as Git gives it to its hooks */
export function repositoryAt(repository: Repository, url: string): RepositoryId {
  return identify(labelOf(url, repository.top, hostname()));
}

/** The clone itself: for what is uploaded without a Git remote. */
export function cloneItself(repository: Repository): RepositoryId {
  return identify(directoryLabel(repository.commonDir, hostname()));
}

/** Where `git push <remote>` pushes to; the clone itself without a remote. */
export async function pushTarget(repository: Repository, remote: string | undefined): Promise<RepositoryId> {
  if (remote === undefined) return cloneItself(repository);
  const [url] = await urls(repository, ["--push", remote]);
  return url === undefined ? cloneItself(repository) : repositoryAt(repository, url);
}

/** Every repository whose refs this clone can fetch, and the clone itself: those for which it may say what is needed. */
export async function ownRepositories(repository: Repository): Promise<RepositoryId[]> {
  const own = new Map([cloneItself(repository)].map((one) => [one.id, one]));
  for (const remote of await remotes(repository)) {
    for (const url of await urls(repository, [remote])) {
      const one = repositoryAt(repository, url);
      own.set(one.id, one);
    }
  }
  return [...own.values()];
}

async function urls(repository: Repository, args: readonly string[]): Promise<string[]> {
  const { stdout } = await runGit(["remote", "get-url", ...args], at(repository, { accept: [2, 128] }));
  return stdout.toString().split("\n").filter(Boolean);
}

const DEFAULT_PORTS: Readonly<Record<string, string>> = { ssh: "22", "git+ssh": "22", "ssh+git": "22", http: "80", https: "443", git: "9418" };

/**
 * One text for one place: the protocol and the user do not count, nor does `.git` at the end. A directory is named
 * together with its machine.
 * @param top what relative paths start from
 */
export function labelOf(url: string, top: string, host: string): string {
  const full = /^([a-z][a-z0-9+.-]*):\/\/(?:[^@/]*@)?(\[[^\]]*\]|[^:/]*)(?::(\d*))?(\/.*)?$/i.exec(url);
  if (full) {
    const [, scheme = "", name = "", port = "", path = ""] = full;
    if (scheme.toLowerCase() === "file") return directoryLabel(fileURLToPath(url), host);
    const other = port === "" || port === DEFAULT_PORTS[scheme.toLowerCase()] ? "" : `:${port}`;
    return `${name.toLowerCase()}${other}/${tidy(path)}`;
  }
  // A remote helper's address; whatever it means, it is not a path.
  if (/^[a-z][a-z0-9+.-]*::/i.test(url)) return url;
  // As Git reads it: host:path, where no slash comes before the colon.
  const short = /^(?:[^@/]*@)?(\[[^\]]*\]|[^:/]{2,}):(.*)$/.exec(url);
  if (short) return `${short[1]!.toLowerCase()}/${tidy(short[2]!)}`;
  return directoryLabel(resolve(top, url), host);
}

function tidy(path: string): string {
  return path.replace(/^\/+/, "").replace(/\/+$/, "").replace(/\.git$/, "");
}

function directoryLabel(path: string, host: string): string {
  let real = path;
  for (const candidate of [path, `${path}.git`]) {
    try {
      real = realpathSync(candidate);
      break;
    } catch {
      // Not there, or not to be looked at: its name will do.
    }
  }
  return `${host}:${real.replace(/\/\.git$/, "").replace(/\.git$/, "")}`;
}

function identify(label: string): RepositoryId {
  return { id: createHash("sha256").update(`ballast repository\0${label}`).digest("hex").slice(0, 32), label };
}
