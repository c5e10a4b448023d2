import { count, formatBytes, formatPath } from "../../util/format.ts";
import { DRY_RUN, JSON_OPTION, verb } from "../verb.ts";

export const remove = verb({
  command: "remove [path..]",
  aliases: ["untrack"],
  summary: "Stop tracking; the files stay, and Git sees them again",
  declare: (argv) =>
    argv
      .positional("path", { type: "string", array: true, description: "Assets, directories or patterns" })
      .option("delete", { type: "boolean", default: false, description: "Remove the files too" })
      .option("purge", { type: "boolean", default: false, description: "Remove from the store what no commit on any ref needs" })
      .option("dry-run", DRY_RUN)
      .option("json", JSON_OPTION)
      .example("$0 remove old.psd", "hand the file over to Git")
      .example("$0 remove --delete --purge --dry-run renders", "see what would go, here and in the store"),
  async run({ path, delete: deleteFiles, purge, dryRun, json }, run) {
    const { remove } = await import("../../commands/remove.ts");
    const result = await remove(await run.context(), { paths: path ?? [], delete: deleteFiles, purge, dryRun });
    if (json) return run.out.json(result);
    for (const path of result.removed) run.out.line(`${result.deleted.includes(path) ? "deleted  " : "untracked"} ${formatPath(path)}`);
    for (const line of result.patterns.removed) run.out.line(`- pattern ${line}`);
    for (const line of result.patterns.added) run.out.line(`+ pattern ${line}`);
    for (const { oid, storedBytes } of result.purged) run.out.line(`purged    ${oid} ${formatBytes(storedBytes)}`);
    for (const { oid, why } of result.kept) run.out.line(`kept      ${oid} ${why}`);
    if (dryRun) run.out.line(`${count(result.removed.length, "asset")} would be removed; nothing was done.`);
    run.notes(result.notes);
  },
});
