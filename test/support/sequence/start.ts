import { execFile } from "node:child_process";
import { rm } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { random, sandbox, type Sandbox } from "../sandbox.ts";
import { PATHS } from "./steps.ts";

const CLOCK = fileURLToPath(new URL("../clock.cjs", import.meta.url));
/** More than the window in which a file that was just written counts as racy (docs/decisions/0001-racy-window.md). */
const LATER_MS = 500;
const PLACES = ["upstream.git", "store", "a", "b", "w"];

let made: Promise<Sandbox> | undefined;

/**
 * Two clones of one upstream over one store, and a linked worktree of the first, as new. They are made once and then
 * copied to where they were made, so that every path in them holds; each call replaces those of the call before.
 * @param rested whether files count as old enough to be trusted by their times, as when people take theirs; else nothing is
 *   ever sealed, since a sequence is faster than the racy window
 */
export async function start(rested: boolean): Promise<Sandbox> {
  const box = await (made ??= make());
  await Promise.all(PLACES.map((place) => rm(box.path(place), { recursive: true, force: true, maxRetries: 10, retryDelay: 50 })));
  await promisify(execFile)("cp", ["-a", `${box.path("template")}/.`, box.root]);
  if (rested) Object.assign(box.env, { NODE_OPTIONS: `--require=${CLOCK}`, BALLAST_TEST_CLOCK_MS: String(LATER_MS) });
  else for (const name of ["NODE_OPTIONS", "BALLAST_TEST_CLOCK_MS"]) delete box.env[name];
  return box;
}

async function make(): Promise<Sandbox> {
  const box = await sandbox();
  await box.git(".", "init", "-q", "--bare", "upstream.git");
  await box.git(".", "init", "-q", "a");
  await box.git("a", "remote", "add", "origin", box.path("upstream.git"));
  await box.mustBallast("a", "init", box.path("store"));
  await box.mustBallast("a", "track", "*.bin");
  for (const [number, path] of PATHS.slice(0, 2).entries()) await box.write(`a/${path}`, random(500 + number * 300, `start ${number}`));
  await box.write("a/code.txt", "code\n");
  await box.git("a", "add", "--all");
  await box.git("a", "commit", "-q", "-m", "start");
  await box.git("a", "push", "-q", "--set-upstream", "origin", "main");
  await box.mustBallast(".", "clone", "-q", "upstream.git", "b");
  await box.git("a", "worktree", "add", "-q", "-b", "work", "../w");
  await box.settled("w");
  await box.write("template/.keep", "");
  await promisify(execFile)("cp", ["-a", ...PLACES.map((place) => box.path(place)), box.path("template")]);
  return box;
}
