import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { committedIdentity, readPin } from "../../config/pin.ts";
import type { Context } from "../../context.ts";
import { isBallastError } from "../../errors.ts";
import { blindness } from "../../git/attributes.ts";
import { outdatedDrivers } from "../../git/drivers.ts";
import { outdatedHooks } from "../../git/hooks.ts";
import { gitConfig } from "../../git/config.ts";
import { CONFIG_PATH, MANIFEST_PATH } from "../../git/repository.ts";
import type { Diagnosis } from "../../store/port.ts";
import { readManifestFile } from "../../worktree/session.ts";
import { noteOfBoth } from "../note-of-both.ts";

type Finding = Omit<Diagnosis, "name">;
const OK: Pick<Finding, "ok"> = { ok: true };

/** Checks this clone: committed files, hooks, drivers, the pin. */
export async function checkClone(context: Context): Promise<Diagnosis[]> {
  const checks: readonly [string, (context: Context) => Finding | Promise<Finding>][] = [
    ["configuration", configuration],
    ["manifest", manifest],
    ["assets in Git", inGit],
    ["tracked patterns", block],
    ["attributes", attributes],
    ["hooks", hooks],
    ["filter, diff and merge drivers", drivers],
    ["core.fsmonitor", fsmonitor],
    ["trusted store", pin],
  ];
  const findings: Diagnosis[] = [];
  for (const [name, check] of checks) findings.push({ name, ...(await attempt(() => check(context))) });
  return findings;
}

async function attempt(check: () => Finding | Promise<Finding>): Promise<Finding> {
  try {
    return await check();
  } catch (error) {
    if (!isBallastError(error) || error.code === "INTERRUPTED") throw error;
    return { ok: false, detail: error.message, ...(error.hint === undefined ? {} : { mend: error.hint }) };
  }
}

function configuration({ repository, settings }: Context): Finding {
  if (!existsSync(join(repository.top, CONFIG_PATH))) return { ok: false, detail: `${CONFIG_PATH} is missing`, mend: "git ballast init" };
  if (settings.storeUrl === undefined) return { ok: false, detail: `${CONFIG_PATH} names no store`, mend: "git ballast init" };
  return { ...OK, detail: `the store is ${settings.storeUrl}` };
}

function manifest({ repository }: Context): Finding {
  if (!existsSync(join(repository.top, MANIFEST_PATH))) return { ok: false, detail: `${MANIFEST_PATH} is missing`, mend: `git ballast init, or git restore ${MANIFEST_PATH}` };
  return { ...OK, detail: `${readManifestFile(repository).size} assets` };
}

async function inGit({ repository }: Context): Promise<Finding> {
  const note = await noteOfBoth(repository, readManifestFile(repository));
  return note ? { ok: false, ...note } : { ...OK, detail: "Git has none of the assets itself" };
}

/** The block of .gitignore: there once, whole, and in force. */
function block({ repository }: Context): Finding {
  const begun = countLines(join(repository.top, ".gitignore"), /^# >>> ballast/);
  const ended = countLines(join(repository.top, ".gitignore"), /^# <<< ballast/);
  if (begun === 0) return { ok: false, detail: "the Ballast block of .gitignore is missing: Git would add assets itself", mend: "git restore .gitignore, or git ballast init" };
  if (begun !== 1 || ended !== 1) return { ok: false, detail: `.gitignore has ${begun} beginnings and ${ended} ends of the Ballast block`, mend: "leave one block from # >>> ballast to # <<< ballast in .gitignore" };
  return { ...OK, detail: "the block of .gitignore is intact" };
}

async function attributes({ repository }: Context): Promise<Finding> {
  const blind = await blindness(repository);
  if (blind) return { ok: false, detail: `${blind.what}: ${blind.why}`, mend: blind.mend };
  return { ...OK, detail: ".gitattributes names the manifest's drivers" };
}

async function hooks({ repository }: Context): Promise<Finding> {
  const outdated = await outdatedHooks(repository);
  if (outdated.length > 0) return { ok: false, detail: `missing or not of this version: ${outdated.join(", ")}`, mend: "git ballast install" };
  return { ...OK, detail: "installed, of this version" };
}

async function drivers({ repository, settings }: Context): Promise<Finding> {
  const outdated = await outdatedDrivers(repository, settings.gitLive);
  if (outdated.length > 0) return { ok: false, detail: `missing or not of this version: ${outdated.join(", ")}`, mend: "git ballast install" };
  return { ...OK, detail: settings.gitLive ? "configured" : "configured, without the filter (git.live is false)" };
}

async function fsmonitor({ repository }: Context): Promise<Finding> {
  const value = await gitConfig(repository, "core.fsmonitor");
  if (value === undefined || /^(false|no|off|0|)$/i.test(value)) return { ...OK, detail: "not in use" };
  return {
    ok: "unknown",
    detail: "Git asks a monitor which files changed, and the manifest does not change when an asset does: git status may miss edits",
    mend: "git config core.fsmonitor false",
  };
}

async function pin({ repository }: Context): Promise<Finding> {
  const pinned = await readPin(repository);
  const committed = committedIdentity(repository);
  if (pinned === undefined) return { ok: "unknown", detail: "no store is trusted yet", mend: "git ballast trust" };
  if (committed === undefined) return { ...OK, detail: `${pinned}; ${CONFIG_PATH} names none here` };
  if (pinned === committed) return { ...OK, detail: pinned };
  return { ok: false, detail: `this clone trusts ${pinned}, but ${CONFIG_PATH} names ${committed}`, mend: "git ballast trust, if you know why it changed" };
}

function countLines(file: string, pattern: RegExp): number {
  if (!existsSync(file)) return 0;
  return readFileSync(file, "utf8").split(/\r?\n/).filter((line) => pattern.test(line)).length;
}
