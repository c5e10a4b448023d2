import { BallastError } from "../../errors.ts";
import { JSON_OPTION, verb } from "../verb.ts";

export const config = verb({
  command: "config [key] [value]",
  summary: "Show the settings and where each comes from; set one",
  declare: (argv) =>
    argv
      .positional("key", { type: "string", description: "Show only this setting" })
      .positional("value", { type: "string", description: "Set it, in this clone unless an option says otherwise" })
      .option("global", { type: "boolean", default: false, description: "For all repositories of this user" })
      .option("committed", { type: "boolean", default: false, description: "For everybody: in .ballast/config, where that is allowed" })
      .option("unset", { type: "boolean", default: false, description: "Remove the setting" })
      .option("json", JSON_OPTION)
      .example("$0 config", "every setting, its value and its origin")
      .example("$0 config compression.level 9", "in this clone")
      .example("$0 config --committed compression.engine pako", "for everybody")
      .example("$0 config --global store.profile team", "in every repository of yours")
      .epilogue("Strongest first: the command line (--set key=value), BALLAST_* in the environment, git config\nballast.*, the committed .ballast/config, the default. docs/configuration.md lists all keys."),
  async run({ key, value, global, committed, unset, json }, { out, env, flags, report, notes, style }) {
    if (global && committed) throw new BallastError("USAGE", "--global and --committed exclude each other");
    if (unset && (key === undefined || value !== undefined)) throw new BallastError("USAGE", "--unset takes a key and no value");
    const { openRepository } = await import("../../git/repository.ts");
    const { config } = await import("../../commands/config.ts");
    const place = global ? "global" : committed ? "committed" : "local";
    const result = await config(await openRepository(process.cwd()), { flags, env, report }, { name: key, value, unset, place });
    const changed = value !== undefined || unset;
    if (json) out.json(key === undefined ? result : result.settings[0]);
    else if (key !== undefined && !changed) {
      const [setting] = result.settings;
      if (setting?.value === undefined) return 1;
      out.line(setting.value);
    } else if (!changed) {
      const width = Math.max(...result.settings.map(({ key }) => key.length));
      const valueWidth = Math.min(40, Math.max(...result.settings.map(({ value }) => value?.length ?? 1)));
      for (const { key, value, origin } of result.settings) {
        out.line(`${key.padEnd(width)}  ${(value ?? "-").padEnd(valueWidth)}  ${origin === "default" ? style.faint(origin) : origin}`);
      }
    }
    notes(result.notes);
    return 0;
  },
});
