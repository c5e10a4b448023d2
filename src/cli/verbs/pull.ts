import { JSON_OPTION, verb } from "../verb.ts";
import { showCheckout } from "../show-checkout.ts";

export const pull = verb({
  command: "pull [args..]",
  summary: "git pull, then restore what it made stale or brought",
  declare: (argv) =>
    argv
      .positional("args", { type: "string", array: true, description: "Arguments and options of git pull" })
      .option("json", JSON_OPTION)
      .example("$0 pull --rebase origin main", "everything after the verb goes to git pull"),
  async run({ args, json }, run) {
    const { pull } = await import("../../commands/pull.ts");
    return showCheckout(await pull(await run.context(), { args: args ?? [] }), { json, dryRun: false }, run);
  },
});
