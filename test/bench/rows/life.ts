import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { output } from "../programs.ts";
import { Repository, type Keeper, type Upstream } from "../repository.ts";
import type { Bench } from "../row.ts";
import { Sample } from "../sample.ts";
import { ASSETS, assetBytesIn, requireBytes } from "./many.ts";
import { pushedBytes } from "./places.ts";

/** Contents to go through a repository: a directory to copy from. */
export interface Contents {
  readonly name: string;
  readonly directory: string;
  readonly bytes: number;
}

/** What the keepers track. */
const PATTERN = "assets/**";

/** What was measured, and the repository in which it was: everything is committed and pushed there. */
export interface Life {
  readonly sample: Sample;
  readonly repository: Repository;
}

/**
 * Puts assets into a new repository and measures on the way: `add`, `commit`, `git status`, `push` and `clone`, to an
 * upstream and a store in directories beside it. This is done once in a run, whichever rows want it.
 */
export function life(bench: Bench, keeper: Keeper, contents: Contents): Promise<Life> {
  return bench.once(`life of ${contents.name} in ${keeper}`, async () => {
    const directory = mkdtempSync(join(bench.scratch, "life-"));
    return measureLife(bench, await Repository.create(directory, keeper, PATTERN, { directory }), contents);
  });
}

/** The same where the store is a bucket. */
export async function lifeOver(bench: Bench, store: NonNullable<Upstream["store"]>, contents: Contents): Promise<Sample> {
  const directory = mkdtempSync(join(bench.scratch, "life-"));
  const { sample } = await measureLife(bench, await Repository.create(directory, "Ballast", PATTERN, { directory, store }), contents);
  rmSync(directory, { recursive: true });
  return sample;
}

async function measureLife(bench: Bench, repository: Repository, { name, directory, bytes }: Contents): Promise<Life> {
  bench.say(`${name} in ${repository.keeper}`);
  output("cp", ["-r", directory, join(repository.path, ASSETS)]);
  const sample = new Sample(join(repository.path, ".."), bench.programs);
  await sample.step("add", repository.command("add", "--all"));
  await sample.step("commit", repository.command("commit", "-q", "-m", "assets"));
  await repository.settled();
  const { stdout } = await sample.step("git status", repository.command("status", "--porcelain"));
  if (stdout !== "") throw new Error(`something has changed in ${repository.path}:\n${stdout}`);
  await sample.step("push", repository.command("push", "-q", "origin", "main"));
  if (repository.pushesToDirectory) sample.add("stored", pushedBytes(repository));
  const target = join(repository.path, "../clone");
  await sample.step("clone", repository.clone(target));
  requireBytes(target, assetBytesIn(target), bytes);
  rmSync(target, { recursive: true });
  return { sample, repository };
}
