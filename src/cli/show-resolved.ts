import type { ResolveResult } from "../commands/resolve.ts";
import type { Oid } from "../object/oid.ts";
import { formatPath } from "../util/format.ts";
import type { Run } from "./verb.ts";

/** Shows which conflicts were settled, and how to get back what was not taken. */
export function showResolved({ resolved, kept, fromGit, undecided }: ResolveResult, { out, report }: Pick<Run, "out" | "report">): void {
  const notTaken = new Map<string, Oid[]>();
  for (const { path, oid } of kept) notTaken.set(path, [...(notTaken.get(path) ?? []), oid]);
  out.lines(linesOf(resolved, notTaken));
  for (const path of fromGit) out.line(`${formatPath(path)} leaves Git with the next commit, but stays in its history`);
  for (const path of undecided) report({ kind: "warning", message: `${path} stays in conflict: nobody can tell which side is newer`, hint: `git ballast resolve ${path} --ours, or --theirs` });
}

function* linesOf(resolved: readonly string[], notTaken: ReadonlyMap<string, readonly Oid[]>): Generator<string> {
  for (const path of resolved) {
    yield `resolved  ${formatPath(path)}`;
    for (const oid of notTaken.get(path) ?? []) yield `  not taken: git ballast show ${oid} > <file>`;
  }
}
