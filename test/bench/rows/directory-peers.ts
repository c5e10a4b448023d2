import { cpSync, existsSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { bytesIn } from "../files.ts";
import { output } from "../programs.ts";
import { Repository } from "../repository.ts";
import type { Bench, Variant } from "../row.ts";
import { shell } from "../shell.ts";
import { assetBytesIn, ASSETS, bytesOf, requireBytes, sourceOf, type Load } from "./many.ts";
import type { Place } from "./places.ts";

/** Others that carry files to a directory and back. */
export const COPY = "cp -r";
const ANNEX = "git-annex";
const JOBS = "-J2";

export function copyPush(bench: Bench, assets: Load, place: Place): Variant {
  return { name: COPY, run: async (sample) => {
    const target = emptied(place, "cp");
    await sample.step("push", { program: "cp", args: ["-r", sourceOf(bench, assets), target] });
    requireBytes(target, bytesIn(target), bytesOf(assets));
    sample.add("stored", bytesIn(target));
    rmSync(target, { recursive: true });
  } };
}

export function copyClone(bench: Bench, assets: Load, place: Place): Variant {
  return { name: COPY, run: async (sample) => {
    const origin = join(emptied(place, "cp"), "origin");
    cpSync(sourceOf(bench, assets), origin, { recursive: true });
    await sample.step("clone", { program: "cp", args: ["-r", origin, join(sample.directory, "clone")] });
    rmSync(origin, { recursive: true });
  } };
}

/** A repository of git-annex with a special remote in a directory, without encryption or chunks. */
export function annexPush(bench: Bench, assets: Load, place: Place): Variant {
  return { name: ANNEX, needs: [ANNEX], once: true, run: async (sample) => {
    const { repository, remote } = await annexRepository(bench, assets, place);
    await sample.step("push", repository.command("annex", "copy", "--quiet", JOBS, "--to=store"));
    await sample.step("push", repository.command("push", "-q", "origin", "main", "git-annex"));
    requireBytes(remote, bytesIn(remote), bytesOf(assets));
    sample.add("stored", bytesIn(remote));
  } };
}

export function annexClone(bench: Bench, assets: Load, place: Place): Variant {
  return { name: ANNEX, needs: [ANNEX], once: true, run: async (sample) => {
    const { repository } = await annexRepository(bench, assets, place);
    repository.git("annex", "copy", "--quiet", JOBS, "--to=store");
    repository.git("push", "-q", "origin", "main", "git-annex");
    const target = join(sample.directory, "clone");
    const line = `git clone -q "$1" "$2"; cd "$2"; git annex init -q; git annex enableremote --quiet store directory="$3"; git annex get --quiet ${JOBS} --from=store .`;
    await sample.step("clone", { ...shell(line, repository.upstreamUrl, target, join(place.directory, "annex/annexed")), env: repository.env });
    requireBytes(target, bytesIn(join(target, ".git/annex/objects")), bytesOf(assets));
  } };
}

async function annexRepository(bench: Bench, assets: Load, place: Place): Promise<{ repository: Repository; remote: string }> {
  const directory = emptied(place, "annex");
  const remote = join(directory, "annexed");
  mkdirSync(remote);
  const own = join(bench.scratch, "annex-repository");
  removeAnnexed(own);
  const repository = await Repository.create(own, "git", "", { directory });
  cpSync(sourceOf(bench, assets), join(repository.path, ASSETS), { recursive: true });
  requireBytes(repository.path, assetBytesIn(repository.path), bytesOf(assets));
  repository.git("annex", "init", "-q");
  repository.git("annex", "add", "--quiet", ".");
  repository.git("commit", "-q", "-m", "assets");
  repository.git("annex", "initremote", "--quiet", "store", "type=directory", `directory=${remote}`, "encryption=none");
  return { repository, remote };
}

function emptied(place: Place, name: string): string {
  const directory = join(place.directory, name);
  removeAnnexed(directory);
  mkdirSync(directory, { recursive: true });
  return directory;
}

/** git-annex takes away the right to write what it has stored. */
function removeAnnexed(directory: string): void {
  if (!existsSync(directory)) return;
  output("chmod", ["-R", "u+w", directory]);
  rmSync(directory, { recursive: true });
}
