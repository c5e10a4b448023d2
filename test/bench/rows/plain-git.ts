import { mkdtempSync } from "node:fs";
import { join } from "node:path";
import { Repository } from "../repository.ts";
import type { Bench } from "../row.ts";
import { ASSETS } from "./many.ts";
import type { Contents } from "./life.ts";

/** Contents go straight into one pack, as they are: nothing that is measured here reads them. */
const AS_THEY_ARE = ["-c", "core.bigFileThreshold=1", "-c", "core.compression=0"];

/** A repository in which plain Git has the contents, committed and pushed to a directory; made for the first row that wants it. */
export function plainGit(bench: Bench, contents: Contents): Promise<Repository> {
  return bench.once(`${contents.name} in plain Git`, async () => {
    bench.say(`${contents.name} into git`);
    const directory = mkdtempSync(join(bench.scratch, "git-"));
    const repository = await Repository.create(directory, "git", "", { directory });
    await contents.put(join(repository.path, ASSETS));
    for (const args of [["add", "--all"], ["commit", "-q", "-m", "assets"], ["push", "-q", "origin", "main"]]) repository.git(...AS_THEY_ARE, ...args);
    return repository;
  });
}
