import { writeHistory } from "../long-history.ts";
import { Repository, type Keeper } from "../repository.ts";
import type { Bench, CaseResult, Goal, Row, Variant } from "../row.ts";
import { KEEPERS, needsOf, requireBytes, timeGoals } from "./many.ts";
import { pushedBytes } from "./places.ts";

const COMMITS = 1000;
const ASSETS = 1000;
const SIZE_BYTES = 1024;

export const history: Row = {
  name: "history",
  budgetSeconds: 15,
  work: "`git push` of a branch of 1,000 commits on 1,000 assets of 1 KiB, each of which changes one asset: first to an empty directory, then again, when the branch is new to the upstream but all objects are there.",
  diskBytes: 1e9,
  rounds: 1,
  async *cases(bench) {
    const [commits, assets] = bench.quick ? [COMMITS / 50, ASSETS / 50] : [COMMITS, ASSETS];
    yield { name: "history", reference: "Ballast", variants: KEEPERS.map((keeper) => push(bench, keeper, commits, assets)) };
  },
  goals: (cases: readonly CaseResult[]): Goal[] => cases.flatMap((result) => timeGoals(result, "Ballast", "git-lfs", 0.5)),
};

function push(bench: Bench, keeper: Keeper, commits: number, assets: number): Variant {
  return { name: keeper, needs: needsOf(keeper), run: async (sample) => {
    const { directory } = sample;
    const repository = await Repository.create(directory, keeper, "*.bin", { directory });
    await repository.commit("begin");
    repository.git("push", "-q", "origin", "main");
    bench.say(`writing ${commits} commits for ${keeper}`);
    writeHistory(repository, "history", commits, assets, SIZE_BYTES);
    await sample.step("push", repository.command("push", "-q", "origin", "history"));
    requireBytes(repository.upstream, pushedBytes(repository), (assets + commits) * SIZE_BYTES);
    repository.git("--git-dir", repository.upstream, "update-ref", "-d", "refs/heads/history");
    repository.git("update-ref", "-d", "refs/remotes/origin/history");
    await sample.step("push again", repository.command("push", "-q", "origin", "history"));
  } };
}
