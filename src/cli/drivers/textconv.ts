import { readFileSync, statSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import type { Context } from "../../context.ts";
import { isOwnWorktree } from "../../git/own-worktree.ts";
import { MANIFEST_PATH, openRepository, type Repository } from "../../git/repository.ts";
import { localDeltas } from "../../transfer/local-deltas.ts";
import { collectGarbage } from "../../util/collect-garbage.ts";
import { formatBytes } from "../../util/format.ts";
import { lookLive } from "../../worktree/live.ts";

/**
 * The diff driver: one readable line an asset, so that `git diff` and `git log -p` say which asset changed and how, and what
 * of it is stored as a delta here. For the worktree's own manifest Git hands over the file itself, and the answer is what is on disk.
 */
export async function run([file]: string[], makeContext: (repository: Repository) => Promise<Context>): Promise<number> {
  const repository = await openRepository(process.cwd()).catch(() => undefined);
  const isOurs = basename(file!) === basename(MANIFEST_PATH) && repository && resolve(file!) === join(repository.top, MANIFEST_PATH) && (await isOwnWorktree(repository));
  const count = statSync(file!).size / LINE_BYTES;
  // The filter and Git itself wait meanwhile, and hold what they hold.
  collectGarbage(count);
  const text = isOurs ? await lookLive(await makeContext(repository)) : readFileSync(file!);
  // Of a million, what was only needed to see them.
  collectGarbage(count);
  for (const piece of describe(text, repository) ?? [readFileSync(file!, "utf8")]) process.stdout.write(piece);
  return 0;
}

/** About what a line of the manifest takes. */
const LINE_BYTES = 120;

interface Line {
  readonly path: string;
  readonly oid?: string;
  readonly size: number;
  readonly exec?: boolean;
}

/** Texts that are written one after the other; undefined for what is no manifest. */
function describe(manifest: Buffer, repository: Repository | undefined): string[] | undefined {
  try {
    const deltas = repository ? localDeltas(repository, new Set(oidsIn(manifest))) : new Map<string, number>();
    return Array.from(piecesOf(manifest), (lines) => lines.map((line) => describeAsset(line, deltas.get(line.oid ?? ""))).join(""));
  } catch {
    return undefined;
  }
}

function* oidsIn(manifest: Buffer): Generator<string> {
  for (const lines of piecesOf(manifest)) for (const { oid } of lines) if (oid !== undefined) yield oid;
}

/** The lines below the first one, some at a time. */
function* piecesOf(manifest: Buffer): Generator<Line[]> {
  for (let start = manifest.indexOf(LINE_FEED) + 1; start < manifest.length; ) {
    const end = manifest.lastIndexOf(LINE_FEED, start + PIECE_BYTES);
    const next = end < start ? manifest.indexOf(LINE_FEED, start) : end;
    if (next < 0) return;
    yield manifest.toString("utf8", start, next).split("\n").map((line) => JSON.parse(line) as Line);
    start = next + 1;
  }
}

const LINE_FEED = 10;
const PIECE_BYTES = 64 * 1024;

function describeAsset({ path, oid, size, exec }: Line, deltaBytes: number | undefined): string {
  const name = /[\u0000-\u001f"\\]/.test(path) ? JSON.stringify(path) : path;
  const words = [name, formatBytes(size), oid?.slice(0, 12) ?? "not hashed yet", exec ? "executable" : "", deltaBytes === undefined ? "" : `delta of ${formatBytes(deltaBytes)}`];
  return `${words.filter(Boolean).join("  ")}\n`;
}
