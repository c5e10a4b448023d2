import { DRY_RUN, JSON_OPTION, STRATEGIES, verb } from "../verb.ts";
import { showCheckout } from "../show-checkout.ts";

export const checkout = verb({
  command: "checkout [path..]",
  aliases: ["restore"],
  summary: "Restore missing and stale assets to what the manifest says",
  declare: (argv) =>
    argv
      .positional("path", { type: "string", array: true, description: "Assets, directories or patterns; default: all" })
      .option("force", { alias: "f", type: "boolean", default: false, description: "Replace modified assets too; their content is kept in the local store" })
      .option("all", { alias: "a", type: "boolean", default: false, description: "Bring deleted assets back too" })
      .option("include", { type: "string", array: true, nargs: 1, requiresArg: true, default: [] as string[], description: "Only assets that match this pattern, also from now on: hooks leave the others out" })
      .option("exclude", { type: "string", array: true, nargs: 1, requiresArg: true, default: [] as string[], description: "No assets that match this pattern, also from now on" })
      .option("from", { type: "string", requiresArg: true, description: "Bring these paths to what this commit has, as an edit that can be committed" })
      .option("strategy", { choices: STRATEGIES, description: "How assets in conflict are settled; what is not taken is kept; default: conflict.strategy" })
      .option("restore-archived", { type: "boolean", default: false, description: "Ask the store to bring archived objects back (Glacier), and say when to come back" })
      .option("dry-run", DRY_RUN)
      .option("json", JSON_OPTION)
      .example("$0 checkout", "after git clone, or whenever status says missing or stale")
      .example("$0 checkout --force art/hero.psd", "throw an edit away")
      .example("$0 checkout --from HEAD~3 art/hero.psd", "an older version; git ballast log shows them")
      .example('$0 checkout --include "/maps/" --exclude "*.raw"', "a part of a large repository"),
  async run({ path, force, all, include, exclude, restoreArchived, from, strategy, dryRun, json }, run) {
    const context = await run.context();
    const options = { paths: path ?? [], force, all, include, exclude, restoreArchived, strategy, lasting: true, dryRun };
    const result = from === undefined
      ? await (await import("../../commands/checkout.ts")).checkout(context, options)
      : await (await import("../../commands/checkout-from.ts")).checkoutFrom(context, from, options);
    return showCheckout(result, { json, dryRun }, run);
  },
});
