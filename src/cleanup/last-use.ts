import { at, type Repository } from "../git/repository.ts";
import { gitText, runGit } from "../git/run.ts";
import { addedAssets } from "../manifest/versions.ts";
import type { Oid } from "../object/oid.ts";

/** The last commit known here that had a content, although no ref leads to it any more. */
export interface LastUse {
  readonly commit: string;
  readonly path: string;
  /** When it was committed, as `2026-11-21`. */
  readonly date: string;
  readonly subject: string;
}

/** So many commits that nothing leads to are looked at, the newest first. */
const MOST_COMMITS = 5000;
const AT_ONCE = 500;

/**
 * Why contents are dead: who had them last. Known only for commits that this clone still has; a courtesy, so a commit
 * that cannot be read is passed over.
 */
export async function lastUses(repository: Repository, oids: ReadonlySet<Oid>, signal: AbortSignal): Promise<Map<Oid, LastUse>> {
  const uses = new Map<Oid, LastUse>();
  if (oids.size === 0) return uses;
  const unreachable = await unreachableCommits(repository, signal);
  for (let i = 0; i < unreachable.length; i += AT_ONCE) {
    const some = unreachable.slice(i, i + AT_ONCE);
    const about = new Map(some.map((one) => [one.commit, one]));
    try {
      for await (const { oid, path, commit } of addedAssets(repository, ["--no-walk", ...some.map(({ commit }) => commit)], signal)) {
        if (oids.has(oid) && !uses.has(oid)) uses.set(oid, { commit, path, date: about.get(commit)?.date ?? "", subject: about.get(commit)?.subject ?? "" });
      }
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof Error)) throw error;
    }
  }
  return uses;
}

async function unreachableCommits(repository: Repository, signal: AbortSignal): Promise<{ commit: string; date: string; subject: string }[]> {
  const all = await gitText(["cat-file", "--batch-all-objects", "--unordered", "--batch-check=%(objecttype) %(objectname)"], at(repository, { signal }));
  const commits = all.split("\n").filter((line) => line.startsWith("commit ")).map((line) => line.slice(7));
  const input = `${commits.join("\n")}\n`;
  const args = ["log", "--stdin", "--date-order", `--max-count=${MOST_COMMITS}`, "--format=%H %cs %s", "--no-show-signature", "--not", "--all", "--reflog"];
  const { stdout } = await runGit(args, at(repository, { input, signal, accept: [128] }));
  return stdout.toString().split("\n").flatMap((line) => {
    const match = /^([0-9a-f]{40,64}) (\S+) ?(.*)$/.exec(line);
    return match ? [{ commit: match[1]!, date: match[2]!, subject: match[3]! }] : [];
  });
}
