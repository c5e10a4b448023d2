import { rm } from "node:fs/promises";
import type { Sandbox } from "../sandbox.ts";
import type { Look } from "./look.ts";
import type { Settle } from "./steps.ts";

const TURNS = 4;

/** Ends what a merge, rebase, cherry-pick or revert has left unfinished. */
export async function finish(box: Sandbox, look: Look, clone: string, settle: Exclude<Settle, "later">): Promise<void> {
  const command = (): "am" | "merge" | "rebase" | "cherry-pick" | "revert" | undefined => {
    if (look.has(clone, "rebase-apply/applying")) return "am";
    if (look.has(clone, "rebase-merge") || look.has(clone, "rebase-apply")) return "rebase";
    if (look.has(clone, "MERGE_HEAD")) return "merge";
    if (look.has(clone, "CHERRY_PICK_HEAD")) return "cherry-pick";
    return look.has(clone, "REVERT_HEAD") ? "revert" : undefined;
  };
  for (let turn = 1; turn <= TURNS; turn++) {
    const unfinished = command();
    if (!unfinished) return;
    if (settle === "abort" || turn === TURNS) {
      await box.tryGit(clone, unfinished, "--abort");
      return;
    }
    await box.ballast(clone, "resolve", `--${settle}`, ".");
    await box.tryGit(clone, "checkout", "-q", `--${settle}`, "--", "code.txt");
    await box.tryGit(clone, "add", "--all");
    if (unfinished === "merge") await box.tryGit(clone, "commit", "-q", "--no-edit");
    else if ((await box.tryGit(clone, unfinished, "--continue")).status !== 0) await box.tryGit(clone, unfinished, "--skip");
  }
}

/**
 * Somebody who has no Ballast commits a file of Git's own, where others may have an asset, and pushes it.
 * @param content undefined: the file is taken out again
 */
export async function commitOutside(box: Sandbox, path: string, content: Buffer | undefined): Promise<void> {
  const clone = "outside";
  await rm(box.path(clone), { recursive: true, force: true });
  await box.git(".", "clone", "-q", "--branch", "main", "upstream.git", clone);
  if (content === undefined) await box.tryGit(clone, "rm", "-qf", path);
  else if ((await box.tryGit(clone, "ls-files", "--error-unmatch", `${path}/*`)).status !== 0) {
    await box.write(`${clone}/${path}`, content);
    await box.git(clone, "add", "--force", path);
  }
  await box.tryGit(clone, "commit", "-q", "-m", "outside");
  await box.git(clone, "push", "-q", "origin", "HEAD");
}
