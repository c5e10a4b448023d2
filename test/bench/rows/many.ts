import { cpSync } from "node:fs";
import { join } from "node:path";
import { bytesIn, writeAssets } from "../files.ts";
import { Repository, type Keeper } from "../repository.ts";
import type { Bench, CaseResult, Goal, Variant } from "../row.ts";
import type { Sample } from "../sample.ts";

/** What the rows about many assets share. */
export const KEEPERS: readonly Keeper[] = ["Ballast", "git-lfs"];
export const COUNT = 1000;
export const ASSETS = "assets";
const SIZE_BYTES = 256 * 1024;

/**
 * Work in a repository with an upstream in which 1,000 assets of 256 KiB are committed and pushed; it is made for the
 * first round and kept for the others.
 */
export function inPushed(bench: Bench, row: string, keeper: Keeper, work: (sample: Sample, repository: Repository) => Promise<void>): Variant {
  let repository: Repository | undefined;
  return { name: keeper, needs: needsOf(keeper), run: async (sample) => work(sample, (repository ??= await pushedRepository(bench, row, keeper))) };
}

async function pushedRepository({ scratch, say }: Bench, row: string, keeper: Keeper): Promise<Repository> {
  const source = join(scratch, "assets-1000");
  if (bytesIn(source) === 0) writeAssets(source, COUNT, SIZE_BYTES);
  say(`${row}: ${COUNT} assets in ${keeper}`);
  const repository = await Repository.create(join(scratch, `${row}-${keeper}`), keeper, "*.bin", { upstream: true });
  cpSync(source, join(repository.path, ASSETS), { recursive: true });
  await repository.commit("assets");
  repository.git("push", "-q", "origin", "main");
  return repository;
}

/** Measures `git add` and `git commit` as one step. */
export async function recordAll(sample: Sample, repository: Repository): Promise<void> {
  await sample.step("add, commit", repository.command("add", "--all"));
  await sample.step("add, commit", repository.command("commit", "-q", "-m", "change"));
  await repository.settled();
}

/** The programs that a keeper needs. */
export function needsOf(keeper: Keeper): readonly string[] {
  return keeper === "git-lfs" ? ["git-lfs"] : [];
}

/** A goal for every step that two variants of a case have, one of them its reference: our wall time in ratio to theirs. */
export function timeGoals({ name, reference, variants }: CaseResult, ours: string, theirs: string, atMost: number): Goal[] {
  const [mine, other] = [ours, theirs].map((wanted) => variants.find((variant) => variant.name === wanted));
  if (mine === undefined || other === undefined) return [];
  return Object.keys(mine.steps).flatMap((step) => {
    const ratio = (reference === theirs ? mine : other).steps[step]?.ratio.wall;
    if (ratio === undefined || other.steps[step] === undefined) return [];
    return [{ what: `${name}: ${step}, ${ours} in ratio to ${theirs}`, value: reference === theirs ? ratio : 1 / ratio, unit: "×", bound: { atMost } }];
  });
}
