import type { PruneResult } from "../../commands/prune.ts";
import { duration } from "../../config/values.ts";
import { BallastError } from "../../errors.ts";
import { count, formatBytes } from "../../util/format.ts";
import { DRY_RUN, JSON_OPTION, verb, type Run } from "../verb.ts";

export const prune = verb({
  command: "prune",
  summary: "Evict from the local store what is pushed and not needed soon",
  declare: (argv) =>
    argv
      .option("recent", { type: "string", requiresArg: true, description: "Keep what was of use for so long back (cache.recent, 7d)" })
      .option("no-verify-remote", { type: "boolean", default: false, description: "Believe what was known at the last fetch, and do not ask the store" })
      .option("auto", { type: "boolean", default: false, description: "Nothing, unless there is more than cache.limit; fetches no refs" })
      .option("dry-run", DRY_RUN)
      .option("json", JSON_OPTION)
      .example("$0 prune --dry-run", "what would go, and why the rest stays")
      .example("$0 prune --set cache.limit=20GiB", "only as much as it takes, least recently used first")
      .epilogue("What is not pushed always stays: on any branch, in a stash, a reflog, an index or another worktree.\nWhat went is fetched again when it is needed."),
  async run({ recent, noVerifyRemote, auto, dryRun, json }, run) {
    const { prune, pruneToLimit } = await import("../../commands/prune.ts");
    if (auto && (recent !== undefined || noVerifyRemote || dryRun)) throw new BallastError("USAGE", "--auto stands alone", { hint: "git ballast prune --auto" });
    const result = auto ? await pruneToLimit(await run.context()) : await prune(await run.context(), { dryRun, recentMs: parse(recent), ask: noVerifyRemote ? "nobody" : "all" });
    if (result === undefined) return json ? run.out.json(null) : run.out.line("There is room; nothing was done.");
    if (json) return run.out.json(result);
    show(result, dryRun, run);
    run.notes(result.notes);
  },
});

function parse(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const kind = duration(0, 3650 * 24 * 3600 * 1000);
  const value = kind.parse(text);
  if (value === undefined) throw new BallastError("USAGE", `--recent must be ${kind.expects}, not ${JSON.stringify(text)}`, { hint: "--recent 7d, for example" });
  return value;
}

const REASONS = {
  unpushed: "not pushed",
  absent: "not in the remote store, or no commit known here has it",
  recent: "of use lately",
  base: "others here are stored as a difference from it",
  room: "there is room for it",
} as const;

function show({ evicted, evictedBytes, kept, leftBytes, cache }: PruneResult, dryRun: boolean, { out }: Run): void {
  if (dryRun) for (const { oid, storedBytes, lastUseMs } of evicted) out.line(`evict  ${oid}  ${formatBytes(storedBytes)}, last used ${lastUseMs === undefined ? "now" : new Date(lastUseMs).toISOString().slice(0, 10)}`);
  for (const { reason, contents, bytes } of kept) out.line(`kept   ${count(contents, "content")}, ${formatBytes(bytes)}: ${REASONS[reason]}`);
  out.line(`${count(evicted.length, "content")} ${dryRun ? "to evict" : "evicted"}, ${formatBytes(evictedBytes)}; ${formatBytes(leftBytes)} ${dryRun ? "would stay" : "left"}.`);
  if (cache) out.line(`${cache.dir}: ${count(cache.evicted, "content")} ${dryRun ? "to evict" : "evicted"}, ${formatBytes(cache.evictedBytes)}; ${formatBytes(cache.leftBytes)} ${dryRun ? "would stay" : "left"}.`);
}
