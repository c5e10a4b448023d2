import { count, formatBytes, formatPath } from "../../util/format.ts";
import { parseCloneArguments } from "../arguments.ts";
import { JSON_OPTION, verb } from "../verb.ts";

export const clone = verb({
  command: "clone [args..]",
  usage: "clone <url> [directory] [options of git clone]",
  summary: "git clone, with hooks installed and every asset restored",
  declare: (argv) =>
    argv
      .positional("args", { type: "string", array: true, description: "URL, directory and options of git clone" })
      .option("json", JSON_OPTION)
      .example("$0 clone git@example.com:team/game.git", "all there is to do on a new machine")
      .example("$0 clone --depth 1 --branch main <url> game", "with options of git clone")
      .example("$0 clone --profile team <url>", "with an AWS profile, which the clone remembers"),
  async run({ args, json }, run) {
    const { url, directory, gitOptions } = parseCloneArguments(args ?? []);
    const { cloneHere } = await import("../setup.ts");
    const result = await cloneHere(run, { url, directory, gitOptions });
    if (json) return run.out.json(result);
    const archived = result.archived.length > 0 ? `, ${result.archived.length} archived (git ballast checkout --restore-archived)` : "";
    run.out.line(`Cloned into ${formatPath(result.directory)}: ${count(result.restored.length, "asset")} restored, ${formatBytes(result.bytes)}${archived}.`);
    run.notes(result.notes);
  },
});
