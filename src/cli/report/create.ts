import { styleFor } from "../style.ts";
import { jsonReporter } from "./json.ts";
import { plainReporter } from "./plain.ts";
import type { Reporter } from "./reporter.ts";
import { silentReporter } from "./silent.ts";
import { terminalReporter } from "./tty.ts";

export const PROGRESS_MODES = ["auto", "json", "none"] as const;
export type ProgressMode = (typeof PROGRESS_MODES)[number];

export interface Wishes {
  readonly progress: ProgressMode;
  readonly quiet: boolean;
  readonly verbose: boolean;
  readonly summaries: boolean;
}

/** The reporter for this standard error and what the user asked for. */
export function createReporter(wishes: Wishes, stream: NodeJS.WriteStream, env: Readonly<Record<string, string | undefined>>): Reporter {
  const options = { ...wishes, stream, style: styleFor(stream, env), now: () => performance.now() };
  if (wishes.progress === "json") return jsonReporter(options);
  if (wishes.progress === "none" || wishes.quiet) return silentReporter(options);
  return stream.isTTY && env["TERM"] !== "dumb" ? terminalReporter(options) : plainReporter(options);
}
