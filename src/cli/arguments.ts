import type { Strategy } from "../config/settings.ts";
import { BallastError } from "../errors.ts";

/*
 * Command lines that are not wholly ours: `clone` and `pull` take Git's options beside ours. What is ours is known;
 * everything else is Git's, in its order.
 */

/** Our options that take a value, as a word of its own or after an equals sign. */
const WITH_VALUE = new Set(["-C", "--set", "--concurrency", "--region", "--profile", "--endpoint"]);
const WITHOUT_VALUE = new Set(["--path-style", "--no-sign-request", "--json"]);
/** These mean the same to Git, which gets them too. */
const SHARED = new Set(["-q", "--quiet", "-v", "--verbose"]);
const PASSED_ON = new Set(["clone", "pull"]);

/** The verb among the arguments of the program, or undefined. */
export function verbIn(args: readonly string[]): string | undefined {
  for (let i = 0; i < args.length; i++) {
    const arg = args[i]!;
    if (WITH_VALUE.has(arg) || arg === "--progress") i++;
    else if (!arg.startsWith("-")) return arg;
  }
  return undefined;
}

/**
 * The arguments for our own parser: for `clone` and `pull`, what is Git's stands behind `--`; other command lines are
 * returned as they are.
 */
export function separateGit(args: readonly string[]): string[] {
  const verb = verbIn(args);
  if (verb === undefined || !PASSED_ON.has(verb)) return [...args];
  const at = args.indexOf(verb);
  const ours = args.slice(0, at + 1);
  const gits: string[] = [];
  for (let i = at + 1; i < args.length; i++) {
    const arg = args[i]!;
    if (arg === "--") {
      gits.push(...args.slice(i));
      break;
    }
    const strategy = verb === "pull" ? strategyAt(args, i) : undefined;
    if (strategy !== undefined) {
      ours.push("--strategy", strategy);
      if (arg === "--strategy") i++;
    } else if (WITH_VALUE.has(arg)) {
      ours.push(arg, ...args.slice(++i, i + 1));
    } else if (WITHOUT_VALUE.has(arg) || /^--(set|concurrency|region|profile|endpoint|progress)=/.test(arg)) {
      ours.push(arg);
    } else {
      if (SHARED.has(arg)) ours.push(arg);
      gits.push(arg);
    }
  }
  return [...ours, "--", ...gits];
}

/** `git pull` has strategies of its own; the words that are ours are taken for assets (`-s ours` is always Git's). */
function strategyAt(args: readonly string[], i: number): string | undefined {
  const value = args[i] === "--strategy" ? args[i + 1] : /^--strategy=(.*)$/.exec(args[i]!)?.[1];
  return value !== undefined && OUR_STRATEGIES.has(value) ? value : undefined;
}

const OUR_STRATEGIES = new Set<string>(["manual", "ours", "theirs", "newest"] satisfies Strategy[]);

/** Options of `git clone` whose value may be a word of its own (git-clone(1)). */
const CLONE_WITH_VALUE = new Set([
  "-b", "--branch", "-o", "--origin", "-u", "--upload-pack", "-c", "--config", "-j", "--jobs", "--depth", "--template",
  "--reference", "--reference-if-able", "--separate-git-dir", "--shallow-since", "--shallow-exclude", "--server-option",
  "--filter", "--bundle-uri", "--ref-format", "--revision",
]);

export interface CloneArguments {
  readonly url: string;
  readonly directory: string | undefined;
  readonly gitOptions: string[];
}

/** Takes the arguments of `git clone` apart. @throws USAGE without a URL, or with more than a URL and a directory */
export function parseCloneArguments(args: readonly string[]): CloneArguments {
  const gitOptions: string[] = [];
  const words: string[] = [];
  for (let i = 0; i < args.length; i++) {
    const arg = args[i]!;
    if (arg === "--") {
      words.push(...args.slice(i + 1));
      break;
    }
    if (!arg.startsWith("-") || arg === "-") words.push(arg);
    else if (CLONE_WITH_VALUE.has(arg)) gitOptions.push(arg, ...args.slice(++i, i + 1));
    else gitOptions.push(arg);
  }
  const [url, directory, ...more] = words;
  if (url === undefined || more.length > 0) {
    throw new BallastError("USAGE", url === undefined ? "clone needs the URL of a repository" : `clone takes a URL and a directory, not ${words.length} arguments`, {
      hint: "git ballast clone <url> [directory] [options of git clone]",
    });
  }
  return { url, directory, gitOptions };
}
