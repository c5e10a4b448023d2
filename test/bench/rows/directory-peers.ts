import { mkdirSync, mkdtempSync } from "node:fs";
import { basename, join } from "node:path";
import { bytesIn, copyTree, removeTree } from "../files.ts";
import { Repository } from "../repository.ts";
import type { Bench, Variant } from "../row.ts";
import { shell } from "../shell.ts";
import { ASSETS, bytesOf, nameOf, requireBytes, sourceOf, type Load } from "./many.ts";
import type { Place } from "./places.ts";

/** Others that carry files to a directory and back. */
export const COPY = "cp -r";
const ANNEX = "git-annex";
/** More than these take git-annex a minute to add. */
const MANY = 1000;
const JOBS = "-J2";

export function copyPush(bench: Bench, assets: Load, place: Place): Variant {
  return { name: COPY, run: async (sample) => {
    const target = emptied(place, "cp");
    await sample.step("push", { program: "cp", args: ["-r", sourceOf(bench, assets), target] });
    requireBytes(target, bytesIn(target), bytesOf(assets));
    sample.add("stored", bytesIn(target));
    removeTree(target);
  } };
}

export function copyClone(bench: Bench, assets: Load, place: Place): Variant {
  return { name: COPY, run: async (sample) => {
    const origin = join(emptied(place, "cp"), "origin");
    copyTree(sourceOf(bench, assets), origin);
    await sample.step("clone", { program: "cp", args: ["-r", origin, join(sample.directory, "clone")] });
    removeTree(origin);
  } };
}

/** git-annex's variant, where it takes part: not with more than it adds in a minute; and not a second time on another file system, as it copies on one as well. */
export function annexed(bench: Bench, assets: Load, place: Place, variant: typeof annexPush): Variant[] {
  return assets.count <= MANY && place.directory === bench.scratch ? [variant(bench, assets, place)] : [];
}

/** git-annex with a special remote in a directory, without encryption or chunks. */
export function annexPush(bench: Bench, assets: Load, place: Place): Variant {
  return { name: ANNEX, needs: [ANNEX], once: true, run: async (sample) => {
    const { remote } = await bench.anew(filledKey(assets), async () => {
      const made = await annexRemote(bench, assets, place);
      for (const args of carry(made.remote)) await sample.step("push", made.repository.command(...args));
      return made;
    });
    const stored = bytesIn(remote);
    requireBytes(remote, stored, bytesOf(assets));
    sample.add("stored", stored);
  } };
}

export function annexClone(bench: Bench, assets: Load, place: Place): Variant {
  return { name: ANNEX, needs: [ANNEX], once: true, run: async (sample) => {
    const { repository, remote } = await bench.once(filledKey(assets), async () => {
      const made = await annexRemote(bench, assets, place);
      for (const args of carry(made.remote)) made.repository.git(...args);
      return made;
    });
    const target = join(sample.directory, "clone");
    const line = `git clone -q "$1" "$2"; cd "$2"; git annex init -q; git annex enableremote --quiet "$4" directory="$3"; git annex get --quiet ${JOBS} --from="$4" .`;
    await sample.step("clone", { ...shell(line, repository.upstreamUrl, target, remote, basename(remote)), env: repository.env });
    requireBytes(target, bytesIn(join(target, ".git/annex/objects")), bytesOf(assets));
  } };
}

/** A new special remote of a repository that was made for the first row that wants it. */
async function annexRemote(bench: Bench, assets: Load, place: Place): Promise<{ repository: Repository; remote: string }> {
  const repository = await bench.once(`annex-${nameOf(assets)}`, () => annexRepository(bench, assets));
  // It leaves a branch of its own in every repository that it sees.
  repository.renewUpstream();
  const remote = mkdtempSync(join(place.directory, "annexed-"));
  repository.git("annex", "initremote", "--quiet", basename(remote), "type=directory", `directory=${remote}`, "encryption=none");
  return { repository, remote };
}

async function annexRepository(bench: Bench, assets: Load): Promise<Repository> {
  const directory = join(bench.scratch, `annex-${assets.count}`);
  const repository = await Repository.create(directory, "git", "", { directory });
  copyTree(sourceOf(bench, assets), join(repository.path, ASSETS));
  bench.say(`${nameOf(assets)} into ${ANNEX}`);
  repository.git("annex", "init", "-q");
  repository.git("annex", "add", "--quiet", JOBS, ".");
  repository.git("commit", "-q", "-m", "assets");
  return repository;
}

/** What brings everything to a remote. */
function carry(remote: string): string[][] {
  return [["annex", "copy", "--quiet", JOBS, `--to=${basename(remote)}`], ["push", "-q", "origin", "main", "git-annex"]];
}

function filledKey(assets: Load): string {
  return `${nameOf(assets)} carried by ${ANNEX}`;
}

function emptied(place: Place, name: string): string {
  const directory = join(place.directory, name);
  removeTree(directory);
  mkdirSync(directory, { recursive: true });
  return directory;
}
