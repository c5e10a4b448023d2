import type { Context } from "../context.ts";
import { stillHere } from "../transfer/notes.ts";
import { changesManifest, needsOf, pushRange } from "../transfer/plan-push.ts";
import { upload } from "../transfer/upload.ts";
import { repositoryAt } from "../git/identity.ts";
import { parseRefUpdates } from "../git/ref-updates.ts";
import { openRemoteStore } from "../store/open.ts";
import { refuseLocked } from "./verify-locks.ts";

/**
 * The pre-push hook: before Git publishes commits, everything that they need is in the remote store, and nobody else
 * holds what they change. When no commit of the push touches the manifest, no store is opened.
 * @param args what Git gives its hook: the remote's name (or its URL when it has none), and the URL
 * @param input what Git writes to its hook's standard input
 * @returns the exit status for the hook; anything but 0, and anything thrown, makes `git push` fail
 * @throws OBJECT_MISSING, LOCKED, STORE_CHANGED, what stores throw
 */
export async function run(context: Context, args: readonly string[], input: AsyncIterable<string | Uint8Array> = process.stdin): Promise<number> {
  const { repository, report, settings, signal } = context;
  const [name, url] = args;
  // Remote-tracking refs may name branches that are gone, and whose objects were removed: only what Git told counts.
  const range = await pushRange(repository, { updates: parseRefUpdates(await textOf(input)), remote: undefined }, signal);
  if (range === undefined) return 0;
  const needs = await needsOf(repository, range, signal);
  const locked = settings.locksVerify && (needs.length > 0 || (await changesManifest(repository, range, signal)));
  if (needs.length === 0 && !locked) return 0;
  const remote = await openRemoteStore(context);
  try {
    if (locked) await refuseLocked(context, remote, range);
    const { uploaded } = await upload(context, needs, { remote, repository: repositoryAt(repository, url ?? name ?? "") });
    // An upload may have taken long: somebody may hold it now.
    if (locked && uploaded.length > 0) await refuseLocked(context, remote, range);
  } finally {
    remote.close();
  }
  if (needs.length > 0) for (const message of stillHere(settings)) report({ kind: "info", message });
  return 0;
}

async function textOf(chunks: AsyncIterable<string | Uint8Array>): Promise<string> {
  const all: Uint8Array[] = [];
  for await (const chunk of chunks) all.push(typeof chunk === "string" ? Buffer.from(chunk) : chunk);
  return Buffer.concat(all).toString();
}
