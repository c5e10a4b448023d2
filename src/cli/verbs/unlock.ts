import { EXIT_STATUS } from "../../errors.ts";
import { formatPath } from "../../util/format.ts";
import { requirePaths } from "../lines.ts";
import { JSON_OPTION, verb } from "../verb.ts";

const WORDS = { released: "unlocked", free: "not locked", held: "held" } as const;

export const unlock = verb({
  command: "unlock [path..]",
  summary: "Release locks",
  declare: (argv) =>
    argv
      .positional("path", { type: "string", array: true, description: "Assets, directories or patterns" })
      .option("force", { alias: "f", type: "boolean", default: false, description: "Also assets with changes, and what somebody else holds" })
      .option("json", JSON_OPTION)
      .example("$0 unlock art/hero.psd", "after git push")
      .example("$0 unlock --force art/hero.psd", "the holder is on holiday")
      .epilogue("Exits with 12 when somebody else holds one of them, without --force."),
  async run({ path, force, json }, run) {
    const { unlock } = await import("../../commands/unlock.ts");
    const result = await unlock(await run.context(), { paths: requirePaths(path, "unlock"), force });
    if (json) run.out.json(result);
    else for (const { path, outcome, holder } of result.paths) run.out.line(`${WORDS[outcome].padEnd(10)} ${formatPath(path)}${holder === undefined ? "" : `  ${holder}`}`);
    return result.paths.some(({ outcome }) => outcome === "held") ? EXIT_STATUS.LOCKED : 0;
  },
});
