import { join } from "node:path";
import type { Keeper } from "../repository.ts";
import type { Bench, Row, Variant } from "../row.ts";
import { annexClone, annexed, copyClone } from "./directory-peers.ts";
import { assetBytesIn, bytesOf, KEEPERS, loadsOf, needsOf, requireBytes, type Load } from "./many.ts";
import { caseName, placesOf, pushedAt, type Place } from "./places.ts";
import { directoryGoals } from "./push-dir.ts";

export const cloneDir: Row = {
  name: "clone-dir",
  budgetSeconds: 75,
  work: "A clone, with all assets in the worktree, of what was pushed to an upstream and a store in directories, on the file system of the clone and on another one.",
  diskBytes: 4e9,
  async *cases(bench) {
    for (const { assets, rounds } of loadsOf(bench)) {
      for (const place of placesOf(bench)) {
        const variants = [...KEEPERS.map((keeper) => clone(bench, keeper, assets, place)), ...annexed(bench, assets, place, annexClone), copyClone(bench, assets, place)];
        yield { name: caseName(assets, place), bytes: bytesOf(assets), reference: "Ballast", rounds, variants };
      }
    }
  },
  goals: (cases) => cases.flatMap((result) => directoryGoals(result, 0.3)),
};

function clone(bench: Bench, keeper: Keeper, assets: Load, place: Place): Variant {
  return { name: keeper, needs: needsOf(keeper), run: async (sample) => {
    const pushed = await pushedAt(bench, keeper, assets, place);
    const target = join(sample.directory, "clone");
    await sample.step("clone", pushed.clone(target));
    requireBytes(target, assetBytesIn(target), bytesOf(assets));
  } };
}
