import { EXIT_STATUS } from "../../errors.ts";
import { count, formatBytes } from "../../util/format.ts";
import { DRY_RUN, JSON_OPTION, verb } from "../verb.ts";

export const fetch = verb({
  command: "fetch [remote] [ref..]",
  summary: "Download what these commits need into the local store",
  declare: (argv) =>
    argv
      .positional("remote", { type: "string", description: "The Git remote whose branches the refs are" })
      .positional("ref", { type: "string", array: true, description: "Branches, tags or commits; default: HEAD" })
      .option("all", { alias: "a", type: "boolean", default: false, description: "Every version of every asset on any ref" })
      .option("dry-run", DRY_RUN)
      .option("json", JSON_OPTION)
      .example("$0 fetch origin main release", "before a journey without network")
      .example("$0 fetch --all", "a complete copy"),
  async run({ remote, ref, all, dryRun, json }, run) {
    const { fetch } = await import("../../commands/fetch.ts");
    const result = await fetch(await run.context(), { remote, refs: ref ?? [], all, dryRun });
    const status = result.missing.length > 0 ? EXIT_STATUS.OBJECT_MISSING : result.archived.length > 0 ? EXIT_STATUS.OBJECT_ARCHIVED : 0;
    if (json) {
      run.out.json(result);
      return status;
    }
    for (const { path, commit, oid } of result.missing) run.report({ kind: "warning", message: `the store lacks ${path} of commit ${commit.slice(0, 12)}, object ${oid}` });
    for (const { path } of result.archived) run.report({ kind: "warning", message: `${path} is archived`, hint: `git ballast checkout --restore-archived ${path}` });
    const size = result.storedBytes > 0 ? ` (${formatBytes(result.storedBytes)} on the wire)` : "";
    run.out.line(`${count(result.objects, "object")} ${dryRun ? "to download" : "downloaded"}, ${formatBytes(result.bytes)}${size}; ${result.present} here already.`);
    run.notes(result.notes);
    return status;
  },
});
