import type { Command } from "../measure.ts";
import { output } from "../programs.ts";
import type { Repository, Keeper } from "../repository.ts";
import type { Bench, Case, CaseResult, Goal, Row, Variant } from "../row.ts";
import type { Sample } from "../sample.ts";
import { life } from "./life.ts";
import { inPushed, KEEPERS, load, nameOf, needsOf, timeGoals, type Load } from "./many.ts";
import { bucketCase } from "./noop-bucket.ts";
import { contentsOf } from "./scale.ts";

const KEPT: readonly Keeper[] = [...KEEPERS, "git"];

export const noop: Row = {
  name: "noop",
  budgetSeconds: 60,
  work:
    "Nothing has changed: `git status`, the status of the keeper, and `git push` to a directory. In plain Git the same files are committed as they are. " +
    "Over a bucket, `rclone sync` and `aws s3 sync` say whether anything has changed by listing all that is there.",
  diskBytes: 8e9,
  rounds: 7,
  async *cases(bench) {
    const few = load(bench, 1000, 256);
    yield directoryCase(few, KEPT.map((keeper) => inPushed(bench, "noop", keeper, nothing)));
    const many = load(bench, 100_000, 1);
    yield { ...directoryCase(many, KEPT.map((keeper) => inLife(bench, keeper, many))), rounds: 3 };
    yield* bucketCase(bench, load(bench, 10_000, 16));
  },
  goals: (cases) => cases.flatMap((result) => [...timeGoals(result, "Ballast", "git", 2).filter(({ what }) => what.includes("git status")), ...pushGoals(result)]),
};

function directoryCase(assets: Load, variants: readonly Variant[]): Case {
  return { name: nameOf(assets), reference: "git", variants };
}

/** Where other rows have put so many. */
function inLife(bench: Bench, keeper: Keeper, assets: Load): Variant {
  let rested: Promise<Repository> | undefined;
  return { name: keeper, needs: needsOf(keeper), run: async (sample) => nothing(sample, await (rested ??= rest(bench, keeper, assets))) };
}

/** What was written a moment ago is looked at again by everybody. */
async function rest(bench: Bench, keeper: Keeper, assets: Load): Promise<Repository> {
  const { repository } = await life(bench, keeper, contentsOf(bench, assets));
  output("sleep", ["3"]);
  repository.git("status");
  await repository.settled();
  return repository;
}

async function nothing(sample: Sample, repository: Repository): Promise<void> {
  const { keeper } = repository;
  const command = (...args: string[]): Command => repository.command(...args);
  requireClean((await sample.step("git status", command("status", "--porcelain"))).stdout, repository);
  await repository.settled();
  if (keeper !== "git") await sample.step("keeper's status", command(keeper === "Ballast" ? "ballast" : "lfs", "status"));
  await sample.step("push", command("push", "-q", "origin", "main"));
}

/** Whatever lies in the store. */
function pushGoals({ name, variants }: CaseResult): Goal[] {
  return variants.filter((variant) => variant.name === "Ballast").map(({ steps }) => ({ what: `${name}: push`, value: steps["push"]!.wallSeconds.median, unit: "s", bound: { atMost: 0.25 } }));
}

function requireClean(status: string, { path }: Repository): void {
  if (status !== "") throw new Error(`something has changed in ${path}:\n${status}`);
}
