import { EXIT_STATUS } from "../../errors.ts";
import { formatPath } from "../../util/format.ts";
import { requirePaths } from "../lines.ts";
import { JSON_OPTION, verb } from "../verb.ts";

const WORDS = { taken: "locked", yours: "yours already", held: "held" } as const;

export const lock = verb({
  command: "lock [path..]",
  summary: "Lock assets, so that nobody else pushes changes of them",
  declare: (argv) =>
    argv
      .positional("path", { type: "string", array: true, description: "Assets, directories or patterns; also files that would become assets" })
      .option("json", JSON_OPTION)
      .example("$0 lock art/hero.psd", "then git pull, and edit the latest version")
      .epilogue("Exits with 12 when somebody else holds one of them; those that were free are taken."),
  async run({ path, json }, run) {
    const { lock } = await import("../../commands/lock.ts");
    const result = await lock(await run.context(), { paths: requirePaths(path, "lock") });
    if (json) run.out.json(result);
    else for (const { path, outcome, holder } of result.paths) run.out.line(`${WORDS[outcome].padEnd(7)} ${formatPath(path)}${outcome === "taken" ? "" : `  ${holder}`}`);
    run.notes(result.notes);
    return result.paths.some(({ outcome }) => outcome === "held") ? EXIT_STATUS.LOCKED : 0;
  },
});
