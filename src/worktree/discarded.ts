import type { Context } from "../context.ts";
import { worktreeState } from "../git/repository.ts";
import { count } from "../util/format.ts";
import { shellWord } from "../util/package-root.ts";
import type { Captured } from "./captured.ts";
import { appendOidLines } from "./oid-lines.ts";

/** So many are told one by one. */
const MOST_TOLD = 50;
/** Of more, so many as examples. */
const EXAMPLES = 3;

/** Tells which edits Git has discarded, and how to get each back; of many, which file names them all. */
export function tellDiscarded({ repository, report }: Context, lost: readonly Captured[]): void {
  const told = lost.length > MOST_TOLD ? lost.slice(0, EXAMPLES) : lost;
  for (const { path, oid } of told) {
    report({ kind: "warning", message: `${path}: Git discarded an edit; it is kept`, hint: `git ballast show ${oid} > ${shellWord(path)}` });
  }
  if (told.length === lost.length) return;
  const file = worktreeState(repository, "discarded");
  appendOidLines(file, lost);
  report({ kind: "warning", message: `Git discarded ${count(lost.length - told.length, "more edit")}; all are kept, and ${file} names each`, hint: "git ballast show <oid> > <path>" });
}
