import { readdirSync, renameSync } from "node:fs";
import { join } from "node:path";
import { bytesIn } from "../files.ts";
import type { Goal, Row } from "../row.ts";
import { KEEPERS, recordAll, timeGoals } from "./many.ts";
import { inPushed } from "./places.ts";

/** Where what a keeper stores is, below the repository. */
const OBJECTS = { Ballast: ".git/ballast/objects", "git-lfs": ".git/lfs/objects", git: ".git/objects" };

export const rename: Row = {
  name: "rename",
  budgetSeconds: 15,
  work: "The directory of 1,000 assets of 256 KiB gets another name: `git add --all`, `git commit`, and `git push` to a directory. Stored is what the keeper's objects grow by.",
  diskBytes: 3e9,
  rounds: 5,
  async *cases(bench) {
    let count = 0;
    const variants = KEEPERS.map((keeper) => inPushed(bench, keeper, async (sample, repository) => {
      const objects = join(repository.path, OBJECTS[keeper]);
      const before = bytesIn(objects);
      renameSync(join(repository.path, assetsOf(repository.path)), join(repository.path, `assets-${count++}`));
      await recordAll(sample, repository);
      await sample.step("push", repository.command("push", "-q", "origin", "main"));
      sample.add("stored", bytesIn(objects) - before);
    }));
    yield { name: "rename", reference: "Ballast", variants };
  },
  goals(cases) {
    const stored = cases.flatMap(({ variants }) => variants.filter(({ name }) => name === "Ballast").map(({ figures }) => figures["stored"]!));
    return [...cases.flatMap((result) => timeGoals(result, "Ballast", "git-lfs", 0.5)), ...stored.map((value): Goal => ({ what: "rename: stored", value, unit: "bytes", bound: { atMost: 0 } }))];
  },
};

function assetsOf(repository: string): string {
  return readdirSync(repository).find((name) => name.startsWith("assets"))!;
}
