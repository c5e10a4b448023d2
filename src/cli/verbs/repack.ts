import { BallastError, EXIT_STATUS } from "../../errors.ts";
import { count, formatBytes, formatPath } from "../../util/format.ts";
import { DRY_RUN, JSON_OPTION, verb } from "../verb.ts";

export const repack = verb({
  command: "repack [path..]",
  summary: "Rewrite the objects of a store as the present settings would have them",
  declare: (argv) =>
    argv
      .positional("path", { type: "string", array: true, description: "Assets, directories or patterns; default: every version of every asset" })
      .option("remote", { type: "boolean", default: false, description: "The remote store, which is the default" })
      .option("local", { type: "boolean", default: false, description: "The local store in the Git directory" })
      .option("dry-run", { ...DRY_RUN, description: "Encode everything and tell what it would give, but write nothing" })
      .option("json", JSON_OPTION)
      .example("$0 config --committed delta auto && $0 repack", "deltas for what was stored before")
      .example("$0 repack --dry-run '*.psd'", "see what it would save"),
  async run({ path, remote, local, dryRun, json }, run) {
    if (remote && local) throw new BallastError("USAGE", "repack takes --remote or --local, not both", { hint: "run it twice" });
    const { repack } = await import("../../commands/repack.ts");
    const result = await repack(await run.context(), { paths: path ?? [], where: local ? "local" : "remote", dryRun });
    const status = result.failed.length > 0 ? EXIT_STATUS.OBJECT_CORRUPT : 0;
    if (json) {
      run.out.json(result);
      return status;
    }
    const { examined, rewritten, cleared, waiting, skipped, failed, bytesBefore, bytesAfter } = result;
    for (const { path, why } of failed) run.report({ kind: "warning", message: `${formatPath(path)} stays as it is: ${why}` });
    if (skipped > 0) run.report({ kind: "warning", message: `${count(skipped, "version")} passed over, being absent from the ${local ? "local" : "remote"} store or in its archive` });
    if (waiting > 0) run.report({ kind: "warning", message: `${count(waiting, "old object")} ${waiting === 1 ? "stays" : "stay"} for now: what stands in for them may still go, by a request to remove it that had no answer`, hint: "run the same command again in two hours" });
    const changes = `${rewritten} ${dryRun ? "would be rewritten" : "rewritten"}${cleared > 0 ? `, of ${cleared} a spare object ${dryRun ? "would be removed" : "removed"}` : ""}`;
    run.out.line(`${count(examined, "version")} examined, ${changes}: ${formatBytes(bytesBefore)} before, ${formatBytes(bytesAfter)} after.`);
    return status;
  },
});
