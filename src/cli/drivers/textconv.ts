import { readFileSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import type { Context } from "../../context.ts";
import { isOwnWorktree } from "../../git/own-worktree.ts";
import { MANIFEST_PATH, openRepository, type Repository } from "../../git/repository.ts";
import { formatBytes } from "../../util/format.ts";
import { lookLive } from "../../worktree/live.ts";

/**
 * The diff driver: one readable line an asset, so that `git diff` and `git log -p` say which asset changed and how.
 * For the worktree's own manifest Git hands over the file itself, and the answer is what is on disk.
 */
export async function run([file]: string[], makeContext: (repository: Repository) => Promise<Context>): Promise<number> {
  const bytes = readFileSync(file!);
  let text: string | Uint8Array = bytes;
  if (basename(file!) === basename(MANIFEST_PATH)) {
    const repository = await openRepository(process.cwd()).catch(() => undefined);
    if (repository && resolve(file!) === join(repository.top, MANIFEST_PATH) && (await isOwnWorktree(repository))) text = await lookLive(await makeContext(repository));
  }
  process.stdout.write(describe(text, bytes));
  return 0;
}

function describe(text: string | Uint8Array, raw: Buffer): string {
  try {
    return Buffer.from(text).toString().split("\n").slice(1, -1).map(describeLine).join("");
  } catch {
    return raw.toString();
  }
}

function describeLine(line: string): string {
  const asset = JSON.parse(line) as { path: string; oid?: string; size: number; exec?: boolean };
  const name = /[\u0000-\u001f"\\]/.test(asset.path) ? JSON.stringify(asset.path) : asset.path;
  return `${name}  ${formatBytes(asset.size)}  ${asset.oid?.slice(0, 12) ?? "not hashed yet"}${asset.exec ? "  executable" : ""}\n`;
}
