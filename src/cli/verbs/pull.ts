import { JSON_OPTION, STRATEGIES, verb } from "../verb.ts";
import { showCheckout } from "../show-checkout.ts";

export const pull = verb({
  command: "pull [args..]",
  summary: "git pull, then restore what it made stale or brought",
  declare: (argv) =>
    argv
      .positional("args", { type: "string", array: true, description: "Arguments and options of git pull" })
      .option("strategy", { choices: STRATEGIES, description: "How assets in conflict are settled; other values, and -s, are Git's" })
      .option("json", JSON_OPTION)
      .example("$0 pull --rebase origin main", "everything after the verb goes to git pull"),
  async run({ args, strategy, json }, run) {
    const { pull } = await import("../../commands/pull.ts");
    return showCheckout(await pull(await run.context(), { args: args ?? [], strategy }), { json, dryRun: false }, run);
  },
});
