import type { ResolveResult } from "../commands/resolve.ts";
import { formatPath } from "../util/format.ts";
import type { Run } from "./verb.ts";

/** Shows which conflicts were settled, and how to get back what was not taken. */
export function showResolved({ resolved, kept, fromGit, undecided }: ResolveResult, { out, report }: Pick<Run, "out" | "report">): void {
  for (const path of resolved) {
    out.line(`resolved  ${formatPath(path)}`);
    for (const { oid } of kept.filter((one) => one.path === path)) out.line(`  not taken: git ballast show ${oid} > <file>`);
  }
  for (const path of fromGit) out.line(`${formatPath(path)} leaves Git with the next commit, but stays in its history`);
  for (const path of undecided) report({ kind: "warning", message: `${path} stays in conflict: nobody can tell which side is newer`, hint: `git ballast resolve ${path} --ours, or --theirs` });
}
