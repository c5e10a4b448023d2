import type { Take } from "../../commands/resolve.ts";
import { BallastError, EXIT_STATUS } from "../../errors.ts";
import { requirePaths } from "../lines.ts";
import { showResolved } from "../show-resolved.ts";
import { JSON_OPTION, STRATEGIES, verb } from "../verb.ts";

export const resolve = verb({
  command: "resolve [path..]",
  summary: "Settle assets in conflict",
  declare: (argv) =>
    argv
      .positional("path", { type: "string", array: true, description: "Assets, directories or patterns" })
      .option("ours", { type: "boolean", default: false, description: "Take what this branch, or the disk, has" })
      .option("theirs", { type: "boolean", default: false, description: "Take what Git brought" })
      .option("newest", { type: "boolean", default: false, description: "Take what was committed last; an edit counts as of when its file was written" })
      .option("strategy", { choices: STRATEGIES, description: "The same in one word; default: conflict.strategy" })
      .option("file", { type: "string", requiresArg: true, description: "Take the content of this file" })
      .option("json", JSON_OPTION)
      .example("$0 resolve art/hero.psd --ours", "keep your version; the other stays in the store")
      .example("$0 resolve art --newest", "whatever was committed last, for each")
      .example("$0 resolve art/hero.psd --file merged.psd", "take a version that you merged by hand"),
  async run({ path, ours, theirs, newest, strategy, file, json }, run) {
    const wishes: (Take | "manual")[] = [...(ours ? ["ours" as const] : []), ...(theirs ? ["theirs" as const] : []), ...(newest ? ["newest" as const] : []), ...(strategy ? [strategy] : []), ...(file === undefined ? [] : [{ file }])];
    if (wishes.length > 1) throw unclear();
    const paths = requirePaths(path, "resolve");
    const context = await run.context();
    const take = wishes[0] ?? context.settings.conflictStrategy;
    if (take === "manual") throw unclear();
    const { resolve } = await import("../../commands/resolve.ts");
    const result = await resolve(context, { paths, take });
    if (json) run.out.json(result);
    else showResolved(result, run);
    return result.undecided.length > 0 ? EXIT_STATUS.CONFLICT : 0;
  },
});

function unclear(): BallastError {
  return new BallastError("USAGE", "resolve takes one of --ours, --theirs, --newest and --file", { hint: "git ballast help resolve" });
}
