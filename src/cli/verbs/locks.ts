import { formatPath } from "../../util/format.ts";
import { JSON_OPTION, verb } from "../verb.ts";

export const locks = verb({
  command: "locks",
  summary: "List the locks: who holds what, where, since when",
  declare: (argv) =>
    argv
      .option("mine", { type: "boolean", default: false, description: "Only yours" })
      .option("cached", { type: "boolean", default: false, description: "As last seen, without asking the store" })
      .option("json", JSON_OPTION)
      .epilogue("A star marks locks of yours."),
  async run({ mine, cached, json }, run) {
    const { locks } = await import("../../commands/locks.ts");
    const listed = await locks(await run.context(), { mine, cached });
    if (json) return run.out.json(listed);
    for (const { path, holder, mine } of listed) run.out.line(`${mine ? "*" : " "} ${path === undefined ? "(an unknown path)" : formatPath(path)}  ${holder}`);
  },
});
