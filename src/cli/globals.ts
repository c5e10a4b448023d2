import type { Argv } from "yargs";
import { BallastError } from "../errors.ts";
import { PROGRESS_MODES } from "./report/create.ts";
import type { Globals } from "./verb.ts";

const GENERAL = "Options of every verb:";
const STORE = "Options about the store (also: git ballast config):";

/** Declares the options that every verb has. @param shown the groups that help shows */
export function declareGlobals(argv: Argv, shown: { readonly general: boolean; readonly store: boolean }): Argv<Globals> {
  const [general, store] = [{ group: GENERAL, hidden: !shown.general }, { group: STORE, hidden: !shown.store }];
  return argv
    .option("C", { type: "string", array: true, requiresArg: true, nargs: 1, ...general, description: "Run as if started in this directory" })
    .option("quiet", { alias: "q", type: "boolean", default: false, ...general, description: "Only warnings and errors besides the data" })
    .option("verbose", { alias: "v", type: "boolean", default: false, ...general, description: "Every file, every retry, and the causes of errors" })
    .option("progress", { choices: PROGRESS_MODES, default: "auto" as const, ...general, description: "How progress is shown on standard error" })
    .option("set", { type: "string", array: true, requiresArg: true, nargs: 1, ...general, description: "A setting for this run: --set key=value" })
    .option("concurrency", { type: "string", requiresArg: true, ...general, description: "Files worked on at a time" })
    .option("region", { type: "string", requiresArg: true, ...store, description: "The bucket's region" })
    .option("profile", { type: "string", requiresArg: true, ...store, description: "The AWS profile with the credentials" })
    .option("endpoint", { type: "string", requiresArg: true, ...store, description: "The S3 endpoint, for other providers than AWS" })
    .option("path-style", { type: "boolean", ...store, description: "The bucket is part of the path, not of the host name" })
    .option("no-sign-request", { type: "boolean", ...store, description: "Send no credentials, for public buckets" }) as unknown as Argv<Globals>;
}

/** The settings that these options give, by key. @throws USAGE */
export function flagsOf(globals: Globals): Record<string, string> {
  const flags: Record<string, string> = {};
  const direct = { "store.region": globals.region, "store.profile": globals.profile, "store.endpoint": globals.endpoint, "store.pathStyle": globals.pathStyle, "store.noSignRequest": globals.noSignRequest, concurrency: globals.concurrency };
  for (const [key, value] of Object.entries(direct)) if (value !== undefined) flags[key] = String(value);
  for (const assignment of globals.set ?? []) {
    const equals = assignment.indexOf("=");
    if (equals < 1) throw new BallastError("USAGE", `--set takes key=value, not ${JSON.stringify(assignment)}`, { hint: "--set compression.level=9, for example" });
    flags[assignment.slice(0, equals)] = assignment.slice(equals + 1);
  }
  return flags;
}
