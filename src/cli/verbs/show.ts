import { verb } from "../verb.ts";

export const show = verb({
  command: "show <what>",
  summary: "Write the content of an asset's version to standard output",
  declare: (argv) =>
    argv
      .positional("what", { type: "string", demandOption: true, description: "An oid, or <revision>:<path>" })
      .example("$0 show HEAD~3:art/hero.psd > old.psd", "an old version")
      .example("$0 show <oid> > mine.psd", "an edit that Ballast kept"),
  async run({ what }, run) {
    const { show } = await import("../../commands/show.ts");
    await run.out.pipe(show(await run.context(), { what }));
  },
});
