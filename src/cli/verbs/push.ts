import { count, formatBytes, formatPath } from "../../util/format.ts";
import { DRY_RUN, JSON_OPTION, verb } from "../verb.ts";

export const push = verb({
  command: "push [remote] [ref..]",
  summary: "Upload what these commits need, as git push does by itself",
  declare: (argv) =>
    argv
      .positional("remote", { type: "string", description: "The Git remote whose commits need no upload; default: where git push would push" })
      .positional("ref", { type: "string", array: true, description: "Branches, tags or commits; default: HEAD" })
      .option("all", { alias: "a", type: "boolean", default: false, description: "Every version of every asset on any ref" })
      .option("dry-run", DRY_RUN)
      .option("json", JSON_OPTION)
      .example("$0 push", "upload now, and run git push later")
      .example("$0 push --all", "fill a new store"),
  async run({ remote, ref, all, dryRun, json }, run) {
    const { push } = await import("../../commands/push.ts");
    const result = await push(await run.context(), { remote, refs: ref ?? [], all, dryRun });
    if (json) return run.out.json(result);
    if (dryRun) for (const { path, sizeBytes } of result.objects) run.out.line(`upload  ${formatPath(path)}  ${formatBytes(sizeBytes)}`);
    const done = `${count(result.objects.length, "object")} ${dryRun ? "to upload" : "uploaded"}, ${formatBytes(result.bytes)} (${formatBytes(result.storedBytes)} stored)`;
    run.out.line(result.objects.length === 0 ? `Nothing to upload: ${result.present === 0 ? "no asset is needed" : `the store has ${count(result.present, "object")} already`}.` : `${done}; ${result.present} there already.`);
    run.notes(result.notes);
  },
});
