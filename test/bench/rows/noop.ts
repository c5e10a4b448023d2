import type { Command } from "../measure.ts";
import type { Keeper, Repository } from "../repository.ts";
import type { CaseResult, Goal, Row } from "../row.ts";
import { inPushed, KEEPERS, timeGoals } from "./many.ts";

const KEPT: readonly Keeper[] = [...KEEPERS, "git"];

export const noop: Row = {
  name: "noop",
  budgetSeconds: 60,
  work: "Nothing has changed among 1,000 assets of 256 KiB: `git status`, the status of the keeper, and `git push`. In plain Git the same files are committed as they are.",
  diskBytes: 4e9,
  rounds: 7,
  async *cases(bench) {
    const variants = KEPT.map((keeper) => inPushed(bench, "noop", keeper, async (sample, repository) => {
      const command = (...args: string[]): Command => repository.command(...args);
      requireClean((await sample.step("git status", command("status", "--porcelain"))).stdout, repository);
      await repository.settled();
      if (keeper !== "git") await sample.step("keeper's status", command(keeper === "Ballast" ? "ballast" : "lfs", "status"));
      await sample.step("push", command("push", "-q", "origin", "main"));
    }));
    yield { name: "noop", reference: "git", variants };
  },
  goals: (cases) => cases.flatMap((result) => [...timeGoals(result, "Ballast", "git", 2).filter(({ what }) => what.includes("git status")), ...pushGoals(result)]),
};

function pushGoals({ variants }: CaseResult): Goal[] {
  return variants.filter(({ name }) => name === "Ballast").map(({ steps }) => ({ what: "noop: push", value: steps["push"]!.wallSeconds.median, unit: "s", bound: { atMost: 0.25 } }));
}

function requireClean(status: string, { path }: Repository): void {
  if (status !== "") throw new Error(`something has changed in ${path}:\n${status}`);
}
