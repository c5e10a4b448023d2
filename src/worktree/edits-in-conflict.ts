/*
 * Edits that met another version. The index marks each as `open: conflict`; as long as there may be any, the empty file
 * GITDIR/ballast/edits-in-conflict has pre-commit ask.
 */
import { rmSync, writeFileSync } from "node:fs";
import type { Context } from "../context.ts";
import { worktreeState } from "../git/repository.ts";
import { shellWord } from "../util/package-root.ts";
import { hashContents } from "./contents.ts";
import { observe, type Seen } from "./observe.ts";
import { settleKnown } from "./record.ts";
import { openWorktree, type Worktree } from "./session.ts";

const MARKER = "edits-in-conflict";

/** Remembers which edits met another version, once the index is saved, and says so the first time. */
export function noteConflicts({ repository, report }: Context, { index }: Worktree, seen: ReadonlyMap<string, Seen>): string[] {
  const paths = [...seen.values()].filter(({ state }) => state === "conflict").map(({ path }) => path);
  for (const path of paths) {
    if (index.get(path)?.open !== "conflict") {
      report({ kind: "warning", message: `${path}: your edit meets another version; yours stays in place`, hint: `git ballast resolve ${shellWord(path)} --ours, or --theirs` });
    }
    index.update(path, { open: "conflict" });
  }
  if (paths.length > 0) writeFileSync(worktreeState(repository, MARKER), "");
  return paths;
}

/** The edits that still are in conflict. What was settled by hand, with the file of the other version in place, is none any more. */
export async function editsInConflict(context: Context): Promise<string[]> {
  const worktree = openWorktree(context.repository);
  const seen = await observe(worktree, { read: hashContents(context), candidates: [], paths: worktree.index.inConflict() });
  settleKnown(worktree, seen.values());
  await worktree.index.save(0);
  const paths = [...seen.values()].filter(({ state }) => state === "conflict").map(({ path }) => path);
  if (paths.length === 0) rmSync(worktreeState(context.repository, MARKER), { force: true });
  return paths;
}
