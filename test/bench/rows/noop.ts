import type { Command } from "../measure.ts";
import type { Repository, Keeper } from "../repository.ts";
import type { Bench, Case, CaseResult, Goal, Row, Variant } from "../row.ts";
import type { Sample } from "../sample.ts";
import { contentsOf, life } from "./life.ts";
import { KEEPERS, load, nameOf, needsOf, requireClean, timeGoals, type Load } from "./many.ts";
import { bucketCase } from "./noop-bucket.ts";
import { here, pushedAt } from "./places.ts";
import { plainGit } from "./plain-git.ts";

const KEPT: readonly Keeper[] = [...KEEPERS, "git"];

export const noop: Row = {
  name: "noop",
  budgetSeconds: 50,
  work:
    "Nothing has changed: `git status`, the status of the keeper, and `git push` to a directory. In plain Git the same files are committed as they are. " +
    "Over a bucket, `rclone sync` and `aws s3 sync` say whether anything has changed by listing all that is there.",
  diskBytes: 8e9,
  rounds: 7,
  async *cases(bench) {
    const few = load(bench, 1000, 256);
    yield directoryCase(bench, few, (keeper) => pushedAt(bench, keeper, few, here(bench)));
    const many = load(bench, 100_000, 1);
    yield { ...directoryCase(bench, many, async (keeper) => (await life(bench, keeper, contentsOf(many))).repository), rounds: 3 };
    yield* bucketCase(bench, load(bench, 10_000, 16));
  },
  goals: (cases) => cases.flatMap((result) => [...timeGoals(result, "Ballast", "git", 2).filter(({ what }) => what.includes("git status")), ...pushGoals(result)]),
};

/** @param kept the repository into which a row before has put them */
function directoryCase(bench: Bench, assets: Load, kept: (keeper: Keeper) => Promise<Repository>): Case {
  const variants = KEPT.map((keeper): Variant => {
    let rested: Promise<Repository> | undefined;
    return { name: keeper, needs: needsOf(keeper), run: async (sample) => {
      rested ??= rest(keeper === "git" ? plainGit(bench, contentsOf(assets)) : kept(keeper));
      await nothing(sample, await rested);
    } };
  });
  return { name: nameOf(assets), reference: "git", variants };
}

async function rest(making: Promise<Repository>): Promise<Repository> {
  const repository = await making;
  await repository.rest();
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
