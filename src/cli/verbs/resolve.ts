import { BallastError } from "../../errors.ts";
import { formatPath } from "../../util/format.ts";
import { requirePaths } from "../lines.ts";
import { JSON_OPTION, verb } from "../verb.ts";

export const resolve = verb({
  command: "resolve [path..]",
  summary: "Settle assets in conflict",
  declare: (argv) =>
    argv
      .positional("path", { type: "string", array: true, description: "Assets, directories or patterns" })
      .option("ours", { type: "boolean", default: false, description: "Take what this branch, or the disk, has" })
      .option("theirs", { type: "boolean", default: false, description: "Take what Git brought" })
      .option("file", { type: "string", requiresArg: true, description: "Take the content of this file" })
      .option("json", JSON_OPTION)
      .example("$0 resolve art/hero.psd --ours", "keep your version; the other stays in the store")
      .example("$0 resolve art/hero.psd --file merged.psd", "take a version that you merged by hand"),
  async run({ path, ours, theirs, file, json }, run) {
    const wishes = [ours, theirs, file !== undefined].filter(Boolean).length;
    if (wishes !== 1) throw new BallastError("USAGE", "resolve takes one of --ours, --theirs and --file", { hint: "git ballast help resolve" });
    const { resolve } = await import("../../commands/resolve.ts");
    const result = await resolve(await run.context(), { paths: requirePaths(path, "resolve"), take: file !== undefined ? { file } : ours ? "ours" : "theirs" });
    if (json) return run.out.json(result);
    for (const name of result.resolved) run.out.line(`resolved  ${formatPath(name)}`);
  },
});
