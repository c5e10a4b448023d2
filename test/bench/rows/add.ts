import { join } from "node:path";
import { bytesIn, copyTree } from "../files.ts";
import type { Keeper } from "../repository.ts";
import type { Bench, Row, Variant } from "../row.ts";
import { shell } from "../shell.ts";
import { bytesOf, KEEPERS, loadsOf, nameOf, needsOf, recordAll, sourceOf, timeGoals, type Load } from "./many.ts";
import { repositoryToFill } from "./places.ts";

const COPY = "sha256sum, cp";

export const add: Row = {
  name: "add",
  budgetSeconds: 50,
  work: "`git add --all` and `git commit` of new assets that do not compress; stored is what the Git directory grows to. sha256sum and cp -r do the least that there is to do.",
  diskBytes: 3e9,
  async *cases(bench) {
    for (const { assets, rounds } of loadsOf(bench)) {
      yield { name: nameOf(assets), bytes: bytesOf(assets), reference: "Ballast", rounds, variants: [...KEEPERS.map((keeper) => keep(bench, keeper, assets)), copy(sourceOf(bench, assets))] };
    }
  },
  goals: (cases) => cases.flatMap((result) => [...timeGoals(result, "Ballast", "git-lfs", 0.5), ...timeGoals(result, "Ballast", COPY, 1.5)]),
};

function keep(bench: Bench, keeper: Keeper, assets: Load): Variant {
  return { name: keeper, needs: needsOf(keeper), run: async (sample) => {
    const repository = await repositoryToFill(bench, keeper, assets);
    await recordAll(sample, repository);
    sample.add("stored", bytesIn(join(repository.path, ".git")));
  } };
}

function copy(source: string): Variant {
  return { name: COPY, needs: ["sha256sum"], run: async (sample) => {
    const [here, there] = [join(sample.directory, "here"), join(sample.directory, "there")];
    copyTree(source, here);
    await sample.step("add, commit", shell('find "$1" -type f -exec sha256sum {} + > "$2.sums"; cp -r "$1" "$2"', here, there));
    sample.add("stored", bytesIn(there));
  } };
}
