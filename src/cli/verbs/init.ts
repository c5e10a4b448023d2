import { count, formatPath } from "../../util/format.ts";
import { JSON_OPTION, verb } from "../verb.ts";

export const init = verb({
  command: "init [store] [prefix]",
  summary: "Make this repository use a store, or check that it can",
  declare: (argv) =>
    argv
      .positional("store", { type: "string", description: "s3://bucket/prefix, file:///directory or the path of a directory" })
      .positional("prefix", { type: "string", description: "With a bucket's name as the first word: the prefix in it" })
      .option("json", JSON_OPTION)
      .example("$0 init s3://team-assets/game", "a bucket, shared by everybody who may read it")
      .example("$0 init team-assets game", "the same in two words")
      .example("$0 init s3://assets/game --endpoint https://minio.example:9000 --path-style", "another provider than AWS")
      .example("$0 init /mnt/nas/game", "a directory")
      .example("$0 init", "a store inside this repository, to begin with"),
  async run({ store, prefix, json }, run) {
    const { initHere } = await import("../setup.ts");
    const result = await initHere(run, { words: store === undefined ? undefined : prefix === undefined ? [store] : [store, prefix] });
    if (json) return run.out.json(result);
    run.out.line(result.already ? `This repository uses the store ${result.store}; it can be written, read and listed.` : `Initialised for the store ${result.store}, which can be written, read and listed.`);
    if (result.created.length > 0) run.out.line(`To be committed: ${result.created.map(formatPath).join(" ")}`);
    if (!result.already) run.out.line(`${count(result.hooks.length, "hook")} installed. Next: git ballast track <path, directory or pattern>`);
    run.notes(result.notes);
  },
});
