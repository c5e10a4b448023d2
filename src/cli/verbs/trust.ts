import { DRY_RUN, JSON_OPTION, verb } from "../verb.ts";

export const trust = verb({
  command: "trust",
  summary: "Trust the store that .ballast/config names now",
  declare: (argv) =>
    argv
      .option("dry-run", DRY_RUN)
      .option("json", JSON_OPTION)
      .example("$0 trust --dry-run", "see which store was trusted, and which one is named now")
      .epilogue("A commit can change the store's address. Nothing is uploaded to the new place or downloaded\nfrom it until you have looked at it and run this."),
  async run({ dryRun, json }, run) {
    const { trust } = await import("../../commands/trust.ts");
    const result = await trust(await run.context(), { dryRun });
    if (json) return run.out.json(result);
    const { before, now, changed } = result;
    if (!changed) return run.out.line(`Trusted already: ${now}`);
    run.out.line(`Trusted so far: ${before ?? "none"}`);
    run.out.line(`${dryRun ? "Named now:     " : "Trusted now:   "} ${now}`);
  },
});
