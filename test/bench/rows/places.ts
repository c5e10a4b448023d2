import { mkdirSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { bytesIn, copyTree, removeTree } from "../files.ts";
import { Repository, type Keeper } from "../repository.ts";
import type { Bench, Variant } from "../row.ts";
import type { Sample } from "../sample.ts";
import { ASSETS, load, nameOf, needsOf, sourceOf, type Load } from "./many.ts";

/** Where something is pushed to. */
export interface Place {
  readonly name: string;
  readonly directory: string;
}

/** The file system of the repositories. */
export function here({ scratch }: Bench): Place {
  return { name: "one file system", directory: scratch };
}

/** The file system of the repositories, and another one where there is one, which is said. */
export function placesOf(bench: Bench): Place[] {
  const { elsewhere, say } = bench;
  if (elsewhere === undefined) say("there is no other file system here: nothing is measured across two");
  return [here(bench), ...(elsewhere === undefined ? [] : [{ name: "two file systems", directory: elsewhere }])];
}

/** The name of a case. */
export function caseName(assets: Load, place: Place): string {
  return `${nameOf(assets)}, ${place.name}`;
}

/**
 * A new repository with assets in the worktree that nobody has added yet, and an empty upstream on its file system. Once
 * its owner has committed them it serves the rows after it, in place of an earlier one.
 */
export function repositoryToFill(bench: Bench, keeper: Keeper, assets: Load): Promise<Repository> {
  return bench.anew(keyOf(keeper, assets), () => make(bench, keeper, assets));
}

/**
 * A repository in which assets are committed and which has never pushed, with an empty upstream at a place. Its upstream
 * is made anew each time.
 */
export async function committedAt(bench: Bench, keeper: Keeper, assets: Load, place: Place): Promise<Repository> {
  const repository = await committed(bench, keeper, assets);
  aim(bench, keyOf(keeper, assets), place);
  repository.renewUpstream();
  return repository;
}

/** The same once it has pushed to the place, for the row of pushes or for the first row that wants it. */
export async function pushedAt(bench: Bench, keeper: Keeper, assets: Load, place: Place): Promise<Repository> {
  await bench.once(pushKey(keeper, assets, place), async () => void (await committedAt(bench, keeper, assets, place)).git("push", "-q", "origin", "main"));
  aim(bench, keyOf(keeper, assets), place);
  return committed(bench, keeper, assets);
}

/**
 * Work in a repository in which 1,000 assets of 256 KiB are committed and pushed to a directory. What a row has done there
 * is there for the next one.
 */
export function inPushed(bench: Bench, keeper: Keeper, work: (sample: Sample, repository: Repository) => Promise<void>): Variant {
  return { name: keeper, needs: needsOf(keeper), run: async (sample) => work(sample, await pushedAt(bench, keeper, load(bench, 1000, 256), here(bench))) };
}

/** Says that what `committedAt` gave has pushed, so that nobody needs to do it again. */
export async function rememberPush(bench: Bench, keeper: Keeper, assets: Load, place: Place): Promise<void> {
  await bench.anew(pushKey(keeper, assets, place), async () => {});
}

/** The bytes of all objects that a repository has pushed to a directory. */
export function pushedBytes({ keeper, store, upstream }: Repository): number {
  return bytesIn(keeper === "Ballast" ? join(store, "objects") : join(upstream, "lfs/objects"));
}

function committed(bench: Bench, keeper: Keeper, assets: Load): Promise<Repository> {
  return bench.once(keyOf(keeper, assets), async () => {
    bench.say(`${nameOf(assets)} into ${keeper}`);
    const repository = await make(bench, keeper, assets);
    await repository.commit("assets");
    return repository;
  });
}

async function make(bench: Bench, keeper: Keeper, assets: Load): Promise<Repository> {
  const key = keyOf(keeper, assets);
  const [source, directory] = [sourceOf(bench, assets), join(bench.scratch, key)];
  removeTree(directory);
  const repository = await Repository.create(directory, keeper, "*.bin", { directory: aim(bench, key, here(bench)) });
  copyTree(source, join(repository.path, ASSETS));
  return repository;
}

/** The link that a repository has for an upstream: so URLs stay the same, and one repository can push to either place. */
function aim({ scratch }: Bench, key: string, place: Place): string {
  const [link, target] = [join(scratch, `${key}-upstream`), join(place.directory, `${key}-pushed`)];
  mkdirSync(target, { recursive: true });
  rmSync(link, { force: true });
  symlinkSync(target, link);
  return link;
}

function keyOf(keeper: Keeper, { count, sizeBytes }: Load): string {
  return `${keeper}-${count}-${sizeBytes}`;
}

function pushKey(keeper: Keeper, assets: Load, place: Place): string {
  return `${keyOf(keeper, assets)} pushed to ${place.directory}`;
}
