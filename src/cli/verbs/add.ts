import { changeLine, requirePaths } from "../lines.ts";
import { JSON_OPTION, verb } from "../verb.ts";

export const add = verb({
  command: "add [path..]",
  summary: "Stage the changes of these assets only, as git add does for files",
  declare: (argv) =>
    argv
      .positional("path", { type: "string", array: true, description: "Assets, directories or patterns" })
      .option("json", JSON_OPTION)
      .example("$0 add art/hero.psd", "stage one asset; git add -A stages them all")
      .example("$0 add -- -odd.psd", "a name that begins with a dash"),
  async run({ path, json }, run) {
    const { add } = await import("../../commands/add.ts");
    const result = await add(await run.context(), { paths: requirePaths(path, "add") });
    if (json) return run.out.json(result);
    for (const change of result.staged) run.out.line(changeLine(change));
    if (result.staged.length === 0) run.out.line("Nothing to stage: these assets are staged as they are.");
  },
});

