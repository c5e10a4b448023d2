import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { assetPath, incompressible } from "../files.ts";
import type { Repository } from "../repository.ts";
import type { CaseResult, Goal, Row } from "../row.ts";
import type { Sample } from "../sample.ts";
import { contentsOf, life } from "./life.ts";
import { ASSETS, KEEPERS, load, nameOf, needsOf, requireClean, timeGoals, type Load } from "./many.ts";

const CHANGED = 100;
const MOST_MB = 300;
const AFTERWARDS = "git status after the switch";

export const scale: Row = {
  name: "scale",
  budgetSeconds: 260,
  work: `Small assets, a hundred in each directory: \`git add --all\`, \`git commit\`, \`git status\` with nothing changed, \`git push\` to a directory, a clone, \`git switch\` to a branch that differs in ${CHANGED} assets, and the first \`git status\` after that.`,
  diskBytes: 6e9,
  rounds: 1,
  async *cases(bench) {
    const assets = load(bench, 100_000, 1);
    const variants = KEEPERS.map((keeper) => ({ name: keeper, needs: needsOf(keeper), run: async (sample: Sample) => {
      const { sample: measured, repository } = await life(bench, keeper, contentsOf(assets));
      sample.include(measured);
      await switchBranch(sample, repository, assets);
    } }));
    yield { name: nameOf(assets), reference: "Ballast", variants };
  },
  goals,
};

async function switchBranch(sample: Sample, repository: Repository, { count, sizeBytes }: Load): Promise<void> {
  repository.git("switch", "-q", "-c", "other");
  const changed = Math.min(CHANGED, count);
  for (let i = 0; i < changed; i++) writeFileSync(join(repository.path, ASSETS, assetPath(Math.floor((i * count) / changed))), incompressible(sizeBytes, `other ${i}`));
  await repository.commit("other");
  await sample.step("switch", repository.command("switch", "-q", "main"));
  const restored = readFileSync(join(repository.path, ASSETS, assetPath(0)));
  if (!restored.equals(incompressible(sizeBytes, "asset 0"))) throw new Error(`${repository.path} has another version after switching`);
  await repository.settled();
  requireClean((await sample.step(AFTERWARDS, repository.command("status", "--porcelain"))).stdout, repository);
}

function goals(cases: readonly CaseResult[]): Goal[] {
  return cases.flatMap((result) => {
    const { steps } = result.variants.find(({ name }) => name === "Ballast")!;
    const peaks = Object.entries(steps).flatMap(([step, { peakBytes }]) => (peakBytes === undefined ? [] : [{ what: `${result.name}: ${step}, peak memory`, value: peakBytes / 1e6, unit: "MB", bound: { atMost: MOST_MB } }]));
    return [...timeGoals(result, "Ballast", "git-lfs", 0.5).filter(({ what }) => !/: (switch|git status|git status after the switch),/.test(what)), { what: `${result.name}: switch`, value: steps["switch"]!.wallSeconds.median, unit: "s", bound: { atMost: 0.5 } }, ...peaks];
  });
}
