import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { assetPath, incompressible } from "../files.ts";
import type { Row } from "../row.ts";
import { ASSETS, KEEPERS, load, recordAll, timeGoals } from "./many.ts";
import { inPushed } from "./places.ts";

export const edit: Row = {
  name: "edit",
  budgetSeconds: 10,
  work: "One of 1,000 assets of 256 KiB gets new content: `git add --all`, `git commit`, and `git push` to a directory.",
  diskBytes: 3e9,
  rounds: 5,
  async *cases(bench) {
    let count = 0;
    const variants = KEEPERS.map((keeper) => inPushed(bench, keeper, async (sample, repository) => {
      writeFileSync(join(repository.path, ASSETS, assetPath(load(bench, 1000, 256).count >> 1)), incompressible(256 * 1024, `edit ${count++}`));
      await recordAll(sample, repository);
      await sample.step("push", repository.command("push", "-q", "origin", "main"));
    }));
    yield { name: "edit", reference: "Ballast", variants };
  },
  goals: (cases) => cases.flatMap((result) => timeGoals(result, "Ballast", "git-lfs", 0.6)),
};
