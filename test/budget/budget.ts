import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "vitest";
import type { Counts } from "./trace.ts";

/*
 * budgets.json says what each scenario may ask of the system. A count that is above its budget is a regression; one
 * that is far below it asks for a new budget, so that what was won is kept. `BALLAST_BUDGET=write` writes the budgets
 * anew from what is measured.
 */
const FILE = join(dirname(fileURLToPath(import.meta.url)), "budgets.json");
const RENEWING = process.env["BALLAST_BUDGET"] === "write";

/**
 * Counts of a scenario, and requests where it has a server. Trials are requests by which writers find out what the
 * server does: as many as happen to write at once make them.
 */
export type Measured = Partial<Counts> & { readonly requests?: number; readonly trials?: number };

interface Budgets {
  /** With what they were measured: other versions of Node and Git ask for more or less. */
  readonly with: Readonly<Record<string, string>>;
  readonly scenarios: Readonly<Record<string, Readonly<Record<string, number>>>>;
}

/** Whatever is counted exactly; of all else a share may come and go with the order in which threads get on. */
const EXACT = ["node", "git", "shells", "others", "requests"];
/** What does not depend on the version of Git or Node. */
const OURS = ["node", "requests"];
const ABOVE = 0.05;
const BELOW = 0.15;
/** Counts this small may be off by so many. */
const GRAIN: Readonly<Record<string, number>> = { bytesRead: 8192, bytesWritten: 8192, bytesLoaded: 8192, trials: 8 };
const CALLS_GRAIN = 4;

/** What is wrong with a count: nothing, or a sentence. */
export function judge(count: string, value: number, budget: number): string | undefined {
  const slack = (share: number): number => (EXACT.includes(count) ? 0 : Math.max(budget * share, GRAIN[count] ?? CALLS_GRAIN));
  if (value > budget + slack(ABOVE)) return `${count}: ${value}, where ${budget} is the budget`;
  if (value < budget - slack(BELOW)) return `${count}: only ${value}, where ${budget} is the budget; keep what was won`;
  return undefined;
}

/** Holds what a scenario asked for against its budget, or makes it the budget. The test fails in the end, and names each count that is off. */
export function requireBudget(scenario: string, measured: Measured): void {
  const budgets = readBudgets();
  const counts = Object.fromEntries(Object.entries(measured).filter((entry): entry is [string, number] => entry[1] !== undefined));
  if (RENEWING) return write({ with: versions(), scenarios: { ...budgets.scenarios, [scenario]: counts } });
  const budget = budgets.scenarios[scenario] ?? {};
  const here = versions();
  const told = `${FILE} was measured with ${JSON.stringify(budgets.with)}, this with ${JSON.stringify(here)}`;
  const comparable = series(here) === series(budgets.with);
  if (!comparable) process.stderr.write(`\n*** ${scenario}: ${told}\n*** ONLY STARTS OF NODE AND REQUESTS ARE CHECKED\n\n`);
  const checked = [...new Set([...Object.keys(counts), ...Object.keys(budget)])].filter((count) => comparable || OURS.includes(count));
  const wrong = checked.flatMap((count) => {
    const [value, bound] = [counts[count], budget[count]];
    if (value === undefined || bound === undefined) return [`${count}: ${value === undefined ? "not counted" : "without a budget"}`];
    return judge(count, value, bound) ?? [];
  });
  // The steps of a scenario go on, since those after it build on it.
  expect.soft(wrong, `${scenario} is not within its budget; ${told}. If it has to be so, BALLAST_BUDGET=write renews it.`).toEqual([]);
}

function readBudgets(): Budgets {
  return existsSync(FILE) ? (JSON.parse(readFileSync(FILE, "utf8")) as Budgets) : { with: {}, scenarios: {} };
}

/** One scenario a line, so that a change shows what changed. */
function write({ with: made, scenarios }: Budgets): void {
  const lines = Object.keys(scenarios).map((name) => `    ${JSON.stringify(name)}: ${JSON.stringify(scenarios[name])}`);
  writeFileSync(FILE, `{\n  "with": ${JSON.stringify(made)},\n  "scenarios": {\n${lines.join(",\n")}\n  }\n}\n`);
}

/** Versions that ask for the same: of Node the first number, of Git the first two. */
function series({ node = "", git = "" }: Readonly<Record<string, string>>): string {
  return `${node.split(".")[0]} ${git.split(".").slice(0, 2).join(".")}`;
}

function versions(): Record<string, string> {
  return { node: process.versions.node, git: /\d+\.\d+\.\d+/.exec(execFileSync("git", ["--version"], { encoding: "utf8" }))?.[0] ?? "unknown" };
}
