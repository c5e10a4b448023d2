import { createInterface } from "node:readline/promises";
import type { CleanupResult, DeadContent } from "../../commands/cleanup.ts";
import { BallastError } from "../../errors.ts";
import { duration } from "../../config/values.ts";
import { count, formatBytes, plainText } from "../../util/format.ts";
import { DRY_RUN, JSON_OPTION, verb, type Run } from "../verb.ts";

export const cleanup = verb({
  command: "cleanup",
  summary: "Remove from the store what no commit needs: first marked, a day later removed",
  declare: (argv) =>
    argv
      .option("older-than", { type: "string", requiresArg: true, description: "Only what has been in the store for longer (cleanup.grace, 14d)" })
      .option("delay", { type: "string", requiresArg: true, description: "Remove what has been marked for longer (cleanup.delay, 1d)" })
      .option("now", { type: "boolean", default: false, description: "Mark and remove in one run; pushes that begin meanwhile wait" })
      .option("yes", { alias: "y", type: "boolean", default: false, description: "Remove without asking" })
      .option("restore", { type: "boolean", default: false, description: "Take all marks back" })
      .option("register", { type: "boolean", default: false, description: "Only write down what this repository needs" })
      .option("all-known", { type: "boolean", default: false, description: "Declare that all repositories that use the store are registered" })
      .option("forget", { type: "string", requiresArg: true, description: "The id of a repository that does not use the store any more" })
      .option("dry-run", DRY_RUN)
      .option("json", JSON_OPTION)
      .example("$0 cleanup --dry-run", "what would go, and why each is dead")
      .example("$0 cleanup --yes", "in a weekly job: marks, and removes what was marked before")
      .epilogue("Safe beside pushes, clones and fetches. Durations are written as 12h or 30d."),
  async run({ olderThan, delay, now, yes, restore, register, allKnown, forget, dryRun, json }, run) {
    const actions = [restore, register, allKnown, forget !== undefined].filter(Boolean).length;
    if (actions > 1 || (actions === 1 && (dryRun || now || olderThan !== undefined || delay !== undefined))) {
      throw new BallastError("USAGE", "--restore, --register, --all-known and --forget each stand alone", { hint: "git ballast help cleanup" });
    }
    if (actions === 1) return undo({ restore, register, forget, yes, json }, run);
    const { cleanup } = await import("../../commands/cleanup.ts");
    const result = await cleanup(await run.context(), {
      dryRun,
      olderThanMs: parse("--older-than", olderThan),
      delayMs: parse("--delay", delay),
      now,
      confirm: (question) => confirm(question, yes),
    });
    if (json) return run.out.json(result);
    show(result, run);
    run.notes(result.notes);
  },
});

function parse(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const kind = duration(0, 3650 * 24 * 3600 * 1000);
  const value = kind.parse(text);
  if (value === undefined) throw new BallastError("USAGE", `${option} must be ${kind.expects}, not ${JSON.stringify(text)}`, { hint: `${option} 7d, for example` });
  return value;
}

/** Where nobody can be asked, the answer is no. */
async function confirm(question: string, yes: boolean): Promise<boolean> {
  if (yes) return true;
  if (!process.stdin.isTTY || !process.stderr.isTTY) return false;
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return /^y(es)?$/i.test((await terminal.question(`${question} [y/N] `)).trim());
  } finally {
    terminal.close();
  }
}

async function undo({ restore, register, forget, yes, json }: { restore: boolean; register: boolean; forget: string | undefined; yes: boolean; json: boolean }, run: Run): Promise<void> {
  const commands = await import("../../commands/cleanup/undo.ts");
  const context = await run.context();
  if (restore) {
    const contents = await commands.unmark(context);
    return json ? run.out.json({ unmarked: contents }) : run.out.line(contents === 0 ? "Nothing was marked." : `${count(contents, "object")} no longer marked.`);
  }
  if (register) {
    const contents = await commands.register(context);
    return json ? run.out.json({ registered: contents }) : run.out.line(`The store knows that this repository needs ${count(contents, "object")}.`);
  }
  if (forget !== undefined) {
    if (!(await confirm(`Does the repository ${forget} not use the store any more?`, yes))) throw new BallastError("USAGE", "nothing was forgotten", { hint: "--yes says that it is so" });
    const user = await commands.forget(context, forget);
    return json ? run.out.json({ forgotten: user }) : run.out.line(`Forgotten: ${plainText(user.label)}, which named ${count(user.contents, "object")}.`);
  }
  const users = await commands.declareAllKnown(context);
  if (json) return run.out.json({ users });
  for (const { label, id } of users) run.out.line(`${id}  ${plainText(label)}`);
  run.out.line(`${count(users.length, "repository", "repositories")} known; cleanup relies on there being no other.`);
}

function show({ users, live, claimed, dead, young, store }: CleanupResult, { out }: Run): void {
  for (const { label, id, own, contents, lastMs } of users) {
    out.line(`used by  ${plainText(label)}${own ? "" : ` (${id}, known by its claims)`}: ${count(contents, "object")}${lastMs === undefined ? "" : `, last ${day(lastMs)}`}`);
  }
  for (const { oid, storedBytes, state, dueMs, why } of dead) {
    const due = dueMs === undefined ? "" : `, due ${new Date(dueMs).toISOString().slice(0, 16).replace("T", " ")} UTC`;
    out.line(`${state.padEnd(9)}  ${oid}  ${formatBytes(storedBytes)}${due}: ${plainText(why)}`);
  }
  const sums = STATES.flatMap((state) => {
    const some = dead.filter((one) => one.state === state);
    return some.length === 0 ? [] : [`${some.length} ${state}, ${formatBytes(some.reduce((sum, { storedBytes }) => sum + storedBytes, 0))}`];
  });
  out.line(`${plainText(store)}: ${count(live, "object")} in use${claimed === 0 ? "" : `, ${claimed} of them by no ref, but by a push of the last week`}${sums.length === 0 ? ", nothing to remove" : `; ${sums.join("; ")}`}${young > 0 ? `; ${young} dead, but too young` : ""}.`);
}

const STATES: readonly DeadContent["state"][] = ["removed", "to remove", "marked", "to mark", "waiting"];

function day(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}
