/*
 * Contents that the filter stored because Git was recording, and that no commit may hold yet: one `<oid> <path>` a
 * line. When Git then discards such an edit (`reset --hard`, `checkout -f`), the user is told how to get it back.
 */
import { appendFileSync, existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { at, MANIFEST_PATH, worktreeState, type Repository } from "../git/repository.ts";
import { gitText, runGit } from "../git/run.ts";
import { isOid, type Oid } from "../object/oid.ts";

export interface Captured {
  readonly path: string;
  readonly oid: Oid;
}

export function addCaptured(repository: Repository, captured: readonly Captured[]): void {
  if (captured.length === 0) return;
  const file = worktreeState(repository, "captured");
  mkdirSync(dirname(file), { recursive: true });
  // The first line feed ends a line that a killed process may have left unfinished.
  appendFileSync(file, `\n${captured.map(({ oid, path }) => `${oid} ${JSON.stringify(path)}\n`).join("")}`);
}

export function readCaptured(repository: Repository): Captured[] {
  const file = worktreeState(repository, "captured");
  if (!existsSync(file)) return [];
  const all: Captured[] = [];
  for (const line of readFileSync(file, "utf8").split("\n")) {
    const oid = line.slice(0, 64);
    const path = parsePath(line.slice(65));
    if (isOid(oid) && path !== undefined) all.push({ oid, path });
  }
  return all;
}

/** Undefined for what is left of a line whose writer was killed. */
function parsePath(json: string): string | undefined {
  try {
    return JSON.parse(json) as string;
  } catch {
    return undefined;
  }
}

/** Forgets them all: what Git recorded is in a commit now. */
export function clearCaptured(repository: Repository): void {
  rmSync(worktreeState(repository, "captured"), { force: true });
}

/** Those of `captured` whose content no branch, tag, stash or staged manifest names. */
export async function unreferenced(repository: Repository, captured: readonly Captured[]): Promise<Captured[]> {
  if (captured.length === 0) return [];
  const tips = await gitText(["for-each-ref", "--format=%(objectname)"], at(repository));
  const stashes = await runGit(["rev-list", "-g", "refs/stash"], at(repository, { accept: [128] }));
  const trees = new Set([...tips.split("\n"), ...stashes.stdout.toString().split("\n"), ...autostashes(repository), "HEAD"].filter(Boolean));
  const oids = [...new Set(captured.map(({ oid }) => oid))];
  const found = await Promise.all([
    grep(repository, oids, [...trees]),
    grep(repository, oids, ["--cached"]),
  ]);
  const held = found.join("\n");
  return captured.filter(({ oid }) => !held.includes(oid));
}

/** What a merge or a rebase under way has stashed and will bring back. */
function autostashes(repository: Repository): string[] {
  return ["MERGE_AUTOSTASH", "rebase-merge/autostash", "rebase-apply/autostash"]
    .map((name) => join(repository.gitDir, name))
    .flatMap((file) => (existsSync(file) ? [readFileSync(file, "utf8").trim()] : []));
}

/** The manifest lines that name one of `oids` in these trees. */
async function grep(repository: Repository, oids: readonly Oid[], where: readonly string[]): Promise<string> {
  const patterns = oids.flatMap((oid) => ["-e", oid]);
  const args = ["grep", "-h", "-F", "--text", "--no-textconv", ...patterns, ...where, "--", MANIFEST_PATH];
  return (await runGit(args, at(repository, { accept: [1, 128] }))).stdout.toString();
}
