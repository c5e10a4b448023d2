import { existsSync } from "node:fs";
import { join } from "node:path";
import { bytesIn, copyTree, writeAssets } from "../files.ts";
import { Repository, type Keeper, type Upstream } from "../repository.ts";
import type { Bench, CaseResult, Goal } from "../row.ts";
import type { Sample } from "../sample.ts";

/** What the rows about many assets share. */
export const KEEPERS: readonly Keeper[] = ["Ballast", "git-lfs"];
export const ASSETS = "assets";
const KIB = 1024;

/** Assets of one size that all differ and do not compress. */
export interface Load {
  readonly count: number;
  readonly sizeBytes: number;
}

/** Assets for a row; fewer when only the benchmark is tried. */
export function load(bench: Bench, count: number, kibibytes: number): Load {
  return { count: bench.quick ? Math.max(2, Math.ceil(count / 50)) : count, sizeBytes: kibibytes * KIB };
}

/** What is added, pushed and cloned, and how often at most. What takes long comes first, once: further rounds of the other have the time that is left. */
export function loadsOf(bench: Bench): { assets: Load; rounds: number }[] {
  return [{ assets: load(bench, 10_000, 16), rounds: 1 }, { assets: load(bench, 1000, 256), rounds: 3 }];
}

/** Such as “1,000 × 256 KiB”. */
export function nameOf({ count, sizeBytes }: Load): string {
  return `${count.toLocaleString("en-US")} × ${sizeBytes / KIB} KiB`;
}

/** A directory with the assets, for tools to copy from; made when it is first asked for. */
export function sourceOf({ scratch, say }: Bench, assets: Load): string {
  const source = join(scratch, `source-${assets.count}-${assets.sizeBytes}`);
  if (!existsSync(source)) {
    say(`writing ${nameOf(assets)}`);
    writeAssets(source, assets.count, assets.sizeBytes);
  }
  return source;
}

/** A repository in which assets are committed and nothing is pushed; nothing of this is measured. */
export async function committedRepository(bench: Bench, directory: string, keeper: Keeper, assets: Load, upstream: Upstream): Promise<Repository> {
  const source = sourceOf(bench, assets);
  bench.say(`${nameOf(assets)} into ${keeper}`);
  const repository = await Repository.create(directory, keeper, "*.bin", upstream);
  copyTree(source, join(repository.path, ASSETS));
  await repository.commit("assets");
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

/** @throws Error when a tool has not made as many bytes as it should have */
export function requireBytes(what: string, bytes: number, wanted: number): void {
  if (bytes < wanted) throw new Error(`${what} has ${bytes} bytes, not ${wanted}`);
}

/** @throws Error when `git status --porcelain` has said that something has changed */
export function requireClean(status: string, { path }: Repository): void {
  if (status !== "") throw new Error(`something has changed in ${path}:\n${status}`);
}

/** What all assets take together. */
export function bytesOf({ count, sizeBytes }: Load): number {
  return count * sizeBytes;
}

/** The bytes of all assets in a worktree. */
export function assetBytesIn(worktree: string): number {
  return bytesIn(join(worktree, ASSETS));
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
