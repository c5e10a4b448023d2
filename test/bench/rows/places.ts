import { mkdirSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { bytesIn } from "../files.ts";
import type { Keeper, Repository } from "../repository.ts";
import type { Bench } from "../row.ts";
import { committedRepository, nameOf, type Load } from "./many.ts";

/** Where something is pushed to. */
export interface Place {
  readonly name: string;
  readonly directory: string;
}

/** The file system of the repositories, and another one where there is one, which is said. */
export function placesOf({ scratch, elsewhere, say }: Bench): Place[] {
  if (elsewhere === undefined) say("there is no other file system here: nothing is measured across two");
  return [{ name: "one file system", directory: scratch }, ...(elsewhere === undefined ? [] : [{ name: "two file systems", directory: elsewhere }])];
}

/** The name of a case. */
export function caseName(assets: Load, place: Place): string {
  return `${nameOf(assets)}, ${place.name}`;
}

/**
 * A repository in which assets are committed and which has never pushed, with an empty upstream at a place. It is made
 * for the first row that wants it; its upstream is made anew each time.
 */
export async function repositoryAt(bench: Bench, keeper: Keeper, assets: Load, place: Place): Promise<Repository> {
  const name = `${keeper}-${assets.count}-${assets.sizeBytes}`;
  const link = join(bench.scratch, `${name}-upstream`);
  // The URLs stay the same, so that a repository that was made once can push to either place.
  const aim = (directory: string): void => {
    const target = join(directory, `${name}-pushed`);
    mkdirSync(target, { recursive: true });
    rmSync(link, { force: true });
    symlinkSync(target, link);
  };
  aim(place.directory);
  const repository = await bench.once(name, () => committedRepository(bench, join(bench.scratch, name), keeper, assets, { directory: link }));
  repository.renewUpstream();
  return repository;
}

/** The bytes of all objects that a repository has pushed to a directory. */
export function pushedBytes({ keeper, store, upstream }: Repository): number {
  return bytesIn(keeper === "Ballast" ? join(store, "objects") : join(upstream, "lfs/objects"));
}
