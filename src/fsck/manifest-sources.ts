import type { Context } from "../context.ts";
import { isBallastError } from "../errors.ts";
import { at, MANIFEST_PATH, type Repository } from "../git/repository.ts";
import { runGit } from "../git/run.ts";
import { parseLine, parseManifest, EMPTY_MANIFEST, type Asset, type Manifest } from "../manifest/manifest.ts";
import { manifestBytesAt } from "../manifest/versions.ts";
import { hashContents } from "../worktree/contents.ts";
import { observe } from "../worktree/observe.ts";
import { openWorktree } from "../worktree/session.ts";
import { listTracked } from "../worktree/tracking.ts";

/** A manifest that can take the place of one that was lost. */
export interface Source {
  readonly kind: "staged" | "commit" | "worktree";
  /** How messages name it. */
  readonly name: string;
  readonly assets: Manifest;
}

/** The best source that there is: what is staged, HEAD, the newest commit whose manifest can be read, then the files themselves. */
export async function bestSource(context: Context, mangled: string | undefined): Promise<Source> {
  const { repository } = context;
  const staged = await readable(repository, ":");
  if (staged) return { kind: "staged", name: "Git's index", assets: staged };
  for (const commit of await history(repository)) {
    const assets = await readable(repository, commit);
    if (assets) return { kind: "commit", name: `commit ${commit.slice(0, 12)}`, assets };
  }
  return { kind: "worktree", name: "the files in the worktree", assets: await fromFiles(context, mangled) };
}

async function readable(repository: Repository, revision: string): Promise<Manifest | undefined> {
  const bytes = await manifestBytesAt(repository, revision);
  return bytes && tryParse(bytes);
}

/** Undefined for what is no manifest. */
export function tryParse(text: string | Uint8Array): Manifest | undefined {
  try {
    return parseManifest(text, MANIFEST_PATH);
  } catch (error) {
    if (!isBallastError(error, "MANIFEST_INVALID", "MANIFEST_VERSION", "PATH_REFUSED", "CONFLICT")) throw error;
    return undefined;
  }
}

/** HEAD, and the commits behind it that changed the manifest, newest first. */
async function history(repository: Repository): Promise<string[]> {
  const { stdout } = await runGit(["log", "--format=%H", "HEAD", "--", MANIFEST_PATH], at(repository, { accept: [128] }));
  const head = await runGit(["rev-parse", "--verify", "--quiet", "HEAD"], at(repository, { accept: [1, 128] }));
  return [...new Set([...head.stdout.toString().split("\n"), ...stdout.toString().split("\n")])].filter(Boolean);
}

/** What is on disk and tracked, and what the remains of the manifest say of files that are not; why they are not does not count. */
async function fromFiles(context: Context, mangled: string | undefined): Promise<Manifest> {
  const { repository } = context;
  const worktree = openWorktree(repository, Buffer.from(EMPTY_MANIFEST));
  const candidates = await listTracked(repository, worktree.tracking.patterns);
  const seen = await observe(worktree, { read: hashContents(context), candidates });
  const assets = new Map<string, Asset>();
  for (const asset of linesOf(mangled ?? "")) if (!assets.has(asset.path)) assets.set(asset.path, asset);
  for (const { path, w, stat } of seen.values()) {
    if (w === undefined || w === "blocked" || stat === undefined) continue;
    if (assets.has(path) || worktree.index.get(path)?.b !== undefined || worktree.tracking.matches(path)) assets.set(path, { path, oid: w.oid, sizeBytes: Number(stat.size), exec: w.exec });
  }
  return assets;
}

/** The lines of a mangled manifest that are whole. */
function linesOf(text: string): Asset[] {
  return text.split("\n").flatMap((line, i) => {
    try {
      return line.startsWith('{"path":') ? [parseLine(line, MANIFEST_PATH, i + 1)] : [];
    } catch (error) {
      if (!isBallastError(error)) throw error;
      return [];
    }
  });
}
