import type { ArgumentsCamelCase, Argv, Options } from "yargs";
import type { Strategy } from "../config/settings.ts";
import type { Context } from "../context.ts";
import type { Output } from "./output.ts";
import type { Session } from "./session.ts";
import type { Style } from "./style.ts";

/** What a verb is given besides its own arguments. */
export interface Run extends Session {
  /** Standard output, for data. */
  readonly out: Output;
  readonly style: Style;
  /** The context, as commands take it. */
  context(): Promise<Context>;
  /** Says what the user should know next, on standard error. */
  notes(notes: readonly string[]): void;
}

/** One verb of the command line: what it takes, how it is explained, and how its result is shown. */
export interface Verb<T> {
  /** The verb and its positional arguments, as yargs writes them: `ls [path..]`. */
  readonly command: string;
  /** How it is written, where that differs from `command`. */
  readonly usage?: string;
  readonly aliases?: readonly string[];
  /** One line for the list of verbs. */
  readonly summary: string;
  /** Declares arguments and options, with a text to learn from. */
  declare(argv: Argv<Globals>): Argv<T>;
  /** Runs the command, loaded only now, and shows what it returns. @returns the exit status, 0 when undefined */
  run(args: ArgumentsCamelCase<T>, run: Run): Promise<number | void>;
}

/** Gives a verb's arguments their types. */
export function verb<T>(definition: Verb<T>): Verb<T> {
  return definition;
}

/** The options that every verb has. */
export interface Globals {
  readonly quiet: boolean;
  readonly verbose: boolean;
  readonly progress: "auto" | "json" | "none";
  readonly set: string[] | undefined;
  readonly C: string[] | undefined;
  readonly region: string | undefined;
  readonly profile: string | undefined;
  readonly endpoint: string | undefined;
  readonly pathStyle: boolean | undefined;
  readonly noSignRequest: boolean | undefined;
  readonly concurrency: string | undefined;
}

/** How conflicts are settled: the values of `conflict.strategy`. */
export const STRATEGIES = ["manual", "ours", "theirs", "newest"] as const satisfies readonly Strategy[];
/** The option of verbs that return data. */
export const JSON_OPTION = { type: "boolean", default: false, description: "Print the result as JSON" } as const satisfies Options;
/** The option of verbs that can tell what they would do. */
export const DRY_RUN = { type: "boolean", default: false, alias: "n", description: "Show what would be done, and do nothing" } as const satisfies Options;
