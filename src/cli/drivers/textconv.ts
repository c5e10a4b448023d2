import { readFileSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import type { Context } from "../../context.ts";
import { isOwnWorktree } from "../../git/own-worktree.ts";
import { MANIFEST_PATH, openRepository, type Repository } from "../../git/repository.ts";
import { localDeltas } from "../../transfer/local-deltas.ts";
import { formatBytes } from "../../util/format.ts";
import { lookLive } from "../../worktree/live.ts";

/**
 * The diff driver: one readable line an asset, so that `git diff` and `git log -p` say which asset changed and how, and what
 * of it is stored as a delta here. For the worktree's own manifest Git hands over the file itself, and the answer is what is on disk.
 */
export async function run([file]: string[], makeContext: (repository: Repository) => Promise<Context>): Promise<number> {
  const bytes = readFileSync(file!);
  const repository = await openRepository(process.cwd()).catch(() => undefined);
  let text: string | Uint8Array = bytes;
  if (basename(file!) === basename(MANIFEST_PATH) && repository && resolve(file!) === join(repository.top, MANIFEST_PATH) && (await isOwnWorktree(repository))) {
    text = (await lookLive(await makeContext(repository))).toString();
  }
  process.stdout.write(describe(text, bytes, repository));
  return 0;
}

interface Line {
  readonly path: string;
  readonly oid?: string;
  readonly size: number;
  readonly exec?: boolean;
}

function describe(text: string | Uint8Array, raw: Buffer, repository: Repository | undefined): string {
  try {
    const assets = Buffer.from(text).toString().split("\n").slice(1, -1).map((line) => JSON.parse(line) as Line);
    const deltas = repository ? localDeltas(repository, new Set(assets.flatMap(({ oid }) => oid ?? []))) : new Map<string, number>();
    return assets.map((asset) => describeAsset(asset, deltas.get(asset.oid ?? ""))).join("");
  } catch {
    return raw.toString();
  }
}

function describeAsset({ path, oid, size, exec }: Line, deltaBytes: number | undefined): string {
  const name = /[\u0000-\u001f"\\]/.test(path) ? JSON.stringify(path) : path;
  const words = [name, formatBytes(size), oid?.slice(0, 12) ?? "not hashed yet", exec ? "executable" : "", deltaBytes === undefined ? "" : `delta of ${formatBytes(deltaBytes)}`];
  return `${words.filter(Boolean).join("  ")}\n`;
}
