import { JSON_OPTION, verb, type Run } from "../verb.ts";
import type { InstallResult } from "../../commands/install.ts";

export const install = verb({
  command: "install",
  summary: "Install the hooks and drivers in this clone, beside what is there",
  declare: (argv) => argv.option("json", JSON_OPTION).example("$0 install", "after a plain git clone, or an update of Ballast"),
  async run({ json }, run) {
    const { install } = await import("../../commands/install.ts");
    show(await install(await run.context()), json, run);
  },
});

export const uninstall = verb({
  command: "uninstall",
  summary: "Take the hooks and drivers out of this clone",
  declare: (argv) => argv.option("json", JSON_OPTION),
  async run({ json }, run) {
    const { uninstall } = await import("../../commands/install.ts");
    show(await uninstall(await run.context()), json, run);
  },
});

function show(result: InstallResult, json: boolean, { out, notes }: Run): void {
  if (json) return out.json(result);
  for (const { name, action } of result.hooks) out.line(`${action.padEnd(9)} hook ${name}`);
  for (const key of result.config) out.line(`changed   git config ${key}`);
  notes(result.notes);
}
