import type { Keeper } from "../repository.ts";
import type { Bench, CaseResult, Goal, Row, Variant } from "../row.ts";
import { annexed, annexPush, copyPush, COPY } from "./directory-peers.ts";
import { bytesOf, KEEPERS, loadsOf, needsOf, requireBytes, timeGoals, type Load } from "./many.ts";
import { caseName, committedAt, placesOf, pushedBytes, rememberPush, type Place } from "./places.ts";

export const pushDir: Row = {
  name: "push-dir",
  budgetSeconds: 50,
  work:
    "`git push` of committed assets to an upstream and a store in empty directories, on the file system of the repository and on another one. git-lfs makes hard links " +
    "where it can: what damages such a file damages it in both places. All others copy, git-annex in either case, so it is measured in one. cp -r waits for no disk.",
  diskBytes: 4e9,
  async *cases(bench) {
    for (const { assets, rounds } of loadsOf(bench)) {
      for (const place of placesOf(bench)) {
        const variants = [...KEEPERS.map((keeper) => push(bench, keeper, assets, place)), ...annexed(bench, assets, place, annexPush), copyPush(bench, assets, place)];
        yield { name: caseName(assets, place), bytes: bytesOf(assets), reference: "Ballast", rounds, variants };
      }
    }
  },
  goals: (cases) => cases.flatMap((result) => directoryGoals(result, 0.7)),
};

function push(bench: Bench, keeper: Keeper, assets: Load, place: Place): Variant {
  return { name: keeper, needs: needsOf(keeper), run: async (sample) => {
    const repository = await committedAt(bench, keeper, assets, place);
    await sample.step("push", repository.command("push", "-q", "origin", "main"));
    const stored = pushedBytes(repository);
    requireBytes(repository.upstreamUrl, stored, bytesOf(assets));
    await rememberPush(bench, keeper, assets, place);
    sample.add("stored", stored);
  } };
}

/** @param times what is hoped for in ratio to git-lfs */
export function directoryGoals(result: CaseResult, times: number): Goal[] {
  return [...timeGoals(result, "Ballast", "git-lfs", times), ...timeGoals(result, "Ballast", COPY, 1.6)];
}
