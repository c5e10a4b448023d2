import { join } from "node:path";
import { driverProgram, packageRoot, shellQuote } from "../util/package-root.ts";
import { changeConfig, gitConfig, setGitConfig } from "./config.ts";
import type { Repository } from "./repository.ts";

/**
 * The clean filter, diff and merge drivers of the manifest, which are local configuration: a clone without Ballast
 * sees a plain text file.
 */
function driverConfig(live: boolean): Map<string, string> {
  return new Map([
    ...(live ? [["filter.ballast.process", filter()] as const] : []),
    ["diff.ballast.textconv", launch("textconv")],
    ["merge.ballast.name", "Ballast: three-way, per asset"],
    ["merge.ballast.driver", launch("merge-driver %O %A %B %P")],
    // Where Git first makes one merge base of several.
    ["merge.ballast.recursive", "ballast-bases"],
    ["merge.ballast-bases.driver", launch("merge-driver --bases %O %A %B")],
  ]);
}

/** Writes what is missing or different and returns the keys that changed. */
export async function installDrivers(repository: Repository, live: boolean): Promise<string[]> {
  const changed = await outdatedDrivers(repository, live);
  for (const key of changed) await setGitConfig(repository, key, driverConfig(live).get(key)!);
  if (!live && (await removeSection(repository, "filter.ballast"))) changed.push("filter.ballast");
  return changed;
}

/** Removes the drivers and returns the sections that were there. */
export async function uninstallDrivers(repository: Repository): Promise<string[]> {
  const removed: string[] = [];
  for (const section of ["filter.ballast", "diff.ballast", "merge.ballast", "merge.ballast-bases"]) {
    if (await removeSection(repository, section)) removed.push(section);
  }
  return removed;
}

/** The keys whose value is not what this version writes. */
export async function outdatedDrivers(repository: Repository, live: boolean): Promise<string[]> {
  const outdated: string[] = [];
  for (const [key, value] of driverConfig(live)) if ((await gitConfig(repository, key)) !== value) outdated.push(key);
  return outdated;
}

async function removeSection(repository: Repository, section: string): Promise<boolean> {
  return (await changeConfig(repository, ["--local", "--remove-section", section], [128])) === 0;
}

/** As {@link launch}; `hooks/filter.sh` starts Node where something has changed. */
function filter(): string {
  const [node, main, script] = [process.execPath, driverProgram(), join(packageRoot(), "hooks", "filter.sh")].map(shellQuote);
  return `if test -x ${node} && test -f ${main} && test -f ${script}; then set -- ${node} ${main}; . ${script}; else exec git-ballast filter-process; fi`;
}

/** A command line that Git hands to sh: the Node and program of this installation, else whatever is on the PATH. */
function launch(verb: string): string {
  const node = shellQuote(process.execPath);
  const main = shellQuote(driverProgram());
  const [name, ...args] = verb.split(" ");
  const words = [name, ...args].join(" ");
  // As in filter.sh, V8 is to look for garbage before there is much of it.
  // textconv and merge commands get their arguments appended by Git: "$@" in a function takes them either way.
  return `f() { if test -x ${node} && test -f ${main}; then exec ${node} --max-semi-space-size=4 ${main} "$@"; else exec git-ballast "$@"; fi; }; f ${words}`;
}
