import yargs, { type Argv } from "yargs";
import { BallastError } from "../errors.ts";
import { suggest } from "../util/suggest.ts";
import { separateGit, verbIn } from "./arguments.ts";
import { declareGlobals } from "./globals.ts";
import type { Globals, Verb } from "./verb.ts";
import { VERBS } from "./verbs/index.ts";

/** What the command line asks for. */
export type Request =
  | { readonly kind: "run"; readonly name: string; readonly verb: Verb<never>; readonly args: Globals }
  /** Text to print: help, or the version. */
  | { readonly kind: "print"; readonly text: string };

/** Parses the arguments after the program's name. @throws USAGE, in one line and with the nearest that there is */
export async function parseCommandLine(args: readonly string[], version: string, columns: number): Promise<Request> {
  let request: Request | undefined;
  if (args.length === 0 || args[0] === "help") return { kind: "print", text: await helpOf(args.slice(1), version, columns) };
  if (isHelp(args)) return { kind: "print", text: await helpOf(args.filter((arg) => !HELP.has(arg)), version, columns) };
  const program = build(columns, version, { args, chosen: (name, verb, parsed) => (request = { kind: "run", name, verb, args: parsed }) });
  const name = verbIn(args);
  if (name !== undefined) requireVerb(name);
  let printed = "";
  await program.parseAsync(separateGit(args), {}, (error: Error | undefined | null, _argv: unknown, output: string) => {
    if (error) throw error;
    printed = output;
  });
  if (printed !== "") return { kind: "print", text: `${printed}\n` };
  if (request) return request;
  throw new BallastError("USAGE", "no verb was given", { hint: "git ballast help" });
}

const HELP = new Set(["--help", "-h"]);

function isHelp(args: readonly string[]): boolean {
  const end = args.indexOf("--");
  return (end < 0 ? args : args.slice(0, end)).some((arg) => HELP.has(arg));
}

async function helpOf(args: readonly string[], version: string, columns: number): Promise<string> {
  const name = verbIn(args);
  if (name !== undefined) requireVerb(name);
  let text = "";
  const program = build(columns, version, { args, chosen: () => {}, helpOn: name ?? "" });
  await program.parseAsync([...(name === undefined ? [] : [name]), "--help"], {}, (_error: unknown, _argv: unknown, output: string) => void (text = output));
  return `${text}\n`;
}

/** Verbs whose help shows the options about the store. */
const ABOUT_STORES = new Set(["init", "clone", "store", "doctor"]);

interface BuildOptions {
  readonly args: readonly string[];
  readonly chosen: (name: string, verb: Verb<never>, args: Globals) => void;
  /** The verb to explain; "" for the list of verbs, which shows them without their arguments. */
  readonly helpOn?: string;
}

function build(columns: number, version: string, { args, chosen, helpOn }: BuildOptions): Argv<Globals> {
  const overview = helpOn === "";
  let known: string[] = [];
  const program = declareGlobals(
    yargs()
      .scriptName("git ballast")
      .locale("en")
      .parserConfiguration({ "parse-numbers": false, "parse-positional-numbers": false, "dot-notation": false, "boolean-negation": false })
      .usage("Usage: $0 <verb> [arguments]\n\nKeeps large assets out of Git and in a store that you own; plain Git does the rest.")
      .epilogue(EPILOGUE)
      .wrap(Math.min(100, columns))
      .help("help", "Show help for a verb")
      .alias("help", "h")
      .version("version", "Show the version", `git-ballast ${version}`)
      .exitProcess(false)
      .strict()
      .demandCommand(1, "no verb was given")
      .fail((message, error) => {
        throw error ?? usage(message, args, known);
      }),
    { general: overview, store: overview || ABOUT_STORES.has(helpOn ?? "") },
  );
  for (const verb of VERBS) {
    const name = verb.command.split(" ", 1)[0]!;
    program.command(
      [overview ? name : verb.command, ...(verb.aliases ?? [])],
      verb.summary,
      (argv) => {
        const usage = `Usage: $0 ${verb.usage ?? `${verb.command.replaceAll("..", "…")} [options]`}\n\n${verb.summary}`;
        const declared = verb.declare(argv.usage(usage).epilogue(VERB_EPILOGUE).demandCommand(0) as unknown as Argv<Globals>);
        known = optionsOf(declared);
        return declared;
      },
      (args) => chosen(name, verb, withRest(verb, lastOfEach(args as unknown as Parsed, program))),
    );
  }
  return program;
}

type Parsed = Globals & { readonly _: readonly string[]; readonly [name: string]: unknown };

/** Of an option that takes one value and is given again, the last counts. */
function lastOfEach(args: Parsed, parser: unknown): Parsed {
  const many = new Set(["_", ...internals(parser).array]);
  return Object.fromEntries(Object.entries(args).map(([name, value]) => [name, Array.isArray(value) && !many.has(name) ? value.at(-1) : value])) as Parsed;
}

/** What stands behind `--` belongs to the arguments of which there may be many. */
function withRest({ command }: Verb<never>, args: Parsed): Globals {
  const [, ...rest] = args._;
  if (rest.length === 0) return args;
  const many = /\[(\w+)\.\.\]/.exec(command)?.[1];
  if (many === undefined) throw new BallastError("USAGE", `one argument too many: ${rest[0]}`, { hint: "git ballast help <verb> shows how it is written" });
  return { ...args, [many]: [...((args[many] as string[] | undefined) ?? []), ...rest] };
}

const EPILOGUE = `A new repository:   git ballast init s3://bucket/prefix
                    git ballast track "*.psd" textures
                    git add -A && git commit && git push
A clone:            git ballast clone <url>
Something is odd:   git ballast status, git ballast doctor
More about a verb:  git ballast help <verb>`;
const VERB_EPILOGUE = "Options of every verb: git ballast help";

/** @throws USAGE for an unknown verb, with the nearest one as a hint */
function requireVerb(name: string): void {
  const names = VERBS.flatMap(({ command, aliases = [] }) => [command.split(" ", 1)[0]!, ...aliases]);
  if (names.includes(name)) return;
  const near = suggest(name, names);
  throw new BallastError("USAGE", `no such verb: ${JSON.stringify(name)}`, { hint: near ? `did you mean git ballast ${near}?` : "git ballast help lists the verbs" });
}

/** What yargs says about a command line, in our words. */
function usage(message: string, args: readonly string[], options: readonly string[]): BallastError {
  const [first = ""] = message.split("\n");
  const unknown = /^Unknown arguments?: (.*)$/.exec(message.trim().split("\n").at(-1)!)?.[1];
  if (unknown !== undefined) {
    const name = unknown.split(", ")[0]!;
    if (!args.some((arg) => arg.startsWith("-") && arg.includes(name))) return new BallastError("USAGE", `one argument too many: ${name}`, { hint: "git ballast help <verb> shows how it is written" });
    const near = suggest(name, options);
    return new BallastError("USAGE", `no such option: ${name.length > 1 ? "--" : "-"}${name}`, {
      hint: near === undefined ? "git ballast help <verb> lists its options" : `did you mean ${near.length > 1 ? "--" : "-"}${near}?`,
    });
  }
  const choice = /Argument: ([^,]+), Given: (.*), Choices: (.*)$/m.exec(message);
  if (choice) return new BallastError("USAGE", `${choice[1]} cannot be ${choice[2]}`, { hint: `it is one of ${choice[3]!.replaceAll('"', "")}` });
  const missing = /^Not enough non-option arguments/.test(first);
  return new BallastError("USAGE", missing ? "an argument is missing" : first.replace(/[:.]$/, ""), { hint: "git ballast help <verb> shows how it is written" });
}

/** The options that the verb knows. */
function optionsOf(parser: unknown): string[] {
  return Object.keys(internals(parser).key);
}

/** What yargs tells of the options declared so far, though its types do not. */
function internals(parser: unknown): { readonly key: Readonly<Record<string, unknown>>; readonly array: readonly string[] } {
  return (parser as { getOptions(): { key: Record<string, unknown>; array: string[] } }).getOptions();
}
