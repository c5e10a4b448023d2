import { mkdtempSync } from "node:fs";
import { join } from "node:path";
import { removeTree, writeAssets } from "../files.ts";
import { Repository, type Keeper, type Upstream } from "../repository.ts";
import type { Bench } from "../row.ts";
import { Sample } from "../sample.ts";
import { ASSETS, assetBytesIn, bytesOf, nameOf, requireBytes, requireClean, type Load } from "./many.ts";
import { pushedBytes } from "./places.ts";

/** Contents to go through a repository. */
export interface Contents {
  readonly name: string;
  readonly bytes: number;
  /** Makes a directory with them. */
  put(directory: string): Promise<void> | void;
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

/** The same where the store is a bucket, each time anew. */
export async function lifeOver(bench: Bench, store: NonNullable<Upstream["store"]>, contents: Contents): Promise<Life> {
  const directory = mkdtempSync(join(bench.scratch, "life-"));
  return measureLife(bench, await Repository.create(directory, "Ballast", PATTERN, { directory, store }), contents);
}

/** Assets of one size, for `life`. */
export function contentsOf(assets: Load): Contents {
  return { name: nameOf(assets), bytes: bytesOf(assets), put: (directory) => writeAssets(directory, assets.count, assets.sizeBytes) };
}

async function measureLife(bench: Bench, repository: Repository, { name, bytes, put }: Contents): Promise<Life> {
  bench.say(`${name} in ${repository.keeper}`);
  await put(join(repository.path, ASSETS));
  const sample = new Sample(join(repository.path, ".."), bench.programs);
  await sample.step("add", repository.command("add", "--all"));
  await sample.step("commit", repository.command("commit", "-q", "-m", "assets"));
  await repository.settled();
  requireClean((await sample.step("git status", repository.command("status", "--porcelain"))).stdout, repository);
  await sample.step("push", repository.command("push", "-q", "origin", "main"));
  if (repository.pushesToDirectory) sample.add("stored", pushedBytes(repository));
  const target = join(repository.path, "../clone");
  await sample.step("clone", repository.clone(target));
  requireBytes(target, assetBytesIn(target), bytes);
  removeTree(target);
  return { sample, repository };
}
