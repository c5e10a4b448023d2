import { join } from "node:path";
import type { Command } from "../measure.ts";
import { output } from "../programs.ts";
import { Repository, type Keeper } from "../repository.ts";
import type { Bench, Case, CaseResult, Goal, Row, Variant } from "../row.ts";
import type { Sample } from "../sample.ts";
import { life } from "./life.ts";
import { ASSETS, inPushed, KEEPERS, load, nameOf, needsOf, sourceOf, timeGoals, type Load } from "./many.ts";
import { bucketCase } from "./noop-bucket.ts";
import { contentsOf } from "./scale.ts";

const KEPT: readonly Keeper[] = [...KEEPERS, "git"];

export const noop: Row = {
  name: "noop",
  budgetSeconds: 100,
  work:
    "Nothing has changed: `git status`, the status of the keeper, and `git push` to a directory. In plain Git the same files are committed as they are. " +
    "Over a bucket, `rclone sync` and `aws s3 sync` say whether anything has changed by listing all that is there.",
  diskBytes: 8e9,
  rounds: 7,
  async *cases(bench) {
    const [few, many] = [load(bench, 1000, 256), load(bench, 100_000, 1)];
    yield directoryCase(few, KEPT.map((keeper) => inPushed(bench, "noop", keeper, nothing)));
    yield { ...directoryCase(many, KEPT.map((keeper) => amongMany(bench, keeper, many))), rounds: 3 };
    yield* bucketCase(bench, load(bench, 10_000, 16));
  },
  goals: (cases) => cases.flatMap((result) => [...timeGoals(result, "Ballast", "git", 2).filter(({ what }) => what.includes("git status")), ...pushGoals(result)]),
};

function directoryCase(assets: Load, variants: readonly Variant[]): Case {
  return { name: nameOf(assets), reference: "git", variants };
}

async function nothing(sample: Sample, repository: Repository): Promise<void> {
  const { keeper } = repository;
  const command = (...args: string[]): Command => repository.command(...args);
  requireClean((await sample.step("git status", command("status", "--porcelain"))).stdout, repository);
  await repository.settled();
  if (keeper !== "git") await sample.step("keeper's status", command(keeper === "Ballast" ? "ballast" : "lfs", "status"));
  await sample.step("push", command("push", "-q", "origin", "main"));
}

/** In the repositories that the rows `scale` and `growth` leave behind, if these have run. */
function amongMany(bench: Bench, keeper: Keeper, assets: Load): Variant {
  return { name: keeper, needs: needsOf(keeper), run: async (sample) => {
    const repository = keeper === "git" ? await plain(bench, assets) : (await life(bench, keeper, contentsOf(bench, assets))).repository;
    await nothing(sample, repository);
  } };
}

function plain(bench: Bench, assets: Load): Promise<Repository> {
  return bench.once(`${nameOf(assets)} in git`, async () => {
    const directory = join(bench.scratch, `git-${assets.count}`);
    const repository = await Repository.create(directory, "git", "", { directory });
    output("cp", ["-r", sourceOf(bench, assets), join(repository.path, ASSETS)]);
    await repository.commit("assets");
    repository.git("push", "-q", "origin", "main");
    return repository;
  });
}

/** Whatever lies in the store. */
function pushGoals({ name, variants }: CaseResult): Goal[] {
  return variants.filter((variant) => variant.name === "Ballast").map(({ steps }) => ({ what: `${name}: push`, value: steps["push"]!.wallSeconds.median, unit: "s", bound: { atMost: 0.25 } }));
}

function requireClean(status: string, { path }: Repository): void {
  if (status !== "") throw new Error(`something has changed in ${path}:\n${status}`);
}
