import { execFile } from "node:child_process";
import { access, mkdir, mkdtemp, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

/*
 * The real programs that own hooks beside Ballast, installed once with their own package managers and kept. Where one
 * cannot be had the run says so in its first lines; in CI (CI=true) that is a failure.
 */
const KEPT = join(dirname(fileURLToPath(import.meta.url)), "../../node_modules/.cache/ballast-hook-tools");
const run = promisify(execFile);

export interface HookTool {
  /** What the environment of whoever runs it needs; `PATH` is put before the one that is there. */
  readonly env: Readonly<Record<string, string>>;
  readonly program: string;
  readonly args: readonly string[];
}

/** https://typicode.github.io/husky, which takes `core.hooksPath` for itself. */
export function husky(): Promise<HookTool | undefined> {
  return had("husky 9.1.7", async (directory) => {
    await npmInstall(directory, "husky@9.1.7");
    return { program: process.execPath, args: [join(directory, "node_modules/husky/bin.js")], env: {} };
  });
}

/** https://lefthook.dev, which sets other hooks aside as `<hook>.old` and does not call them. */
export function lefthook(): Promise<HookTool | undefined> {
  return had("lefthook 2.2.2", async (directory) => {
    await npmInstall(directory, "lefthook@2.2.2");
    const bin = join(directory, "node_modules/.bin");
    return { program: join(bin, "lefthook"), args: [], env: { PATH: bin, LEFTHOOK_QUIET: "meta,execution_info,summary" } };
  });
}

/** https://pre-commit.com, which sets other hooks aside as `<hook>.legacy` and calls them. */
export async function preCommit(): Promise<HookTool | undefined> {
  const name = "pre-commit 4";
  const python = await run("python3", ["-c", "import pip, sys; print(sys.executable)"]).then(({ stdout }) => stdout.trim(), () => undefined);
  if (python === undefined) return untested(name, "there is no python3 with pip");
  return had(name, async (directory) => {
    const args = ["-m", "pip", "install", "--quiet", "--no-input", "--retries=0", "--timeout=20", `--target=${directory}/packages`, "pre-commit>=4,<5"];
    await installed(join(directory, "packages/pre_commit"), (place) => run(python, args.map((arg) => arg.replace(`${directory}/packages`, place))), join(directory, "packages"));
    return { program: python, args: ["-m", "pre_commit"], env: { PYTHONPATH: join(directory, "packages"), PATH: dirname(python) } };
  });
}

async function had(name: string, get: (directory: string) => Promise<HookTool>): Promise<HookTool | undefined> {
  try {
    return await get(join(KEPT, name.replace(" ", "-")));
  } catch (error) {
    if (process.env["CI"] === "true") throw error;
    return untested(name, `it cannot be installed here\n${String(error).slice(0, 300)}`);
  }
}

function untested(name: string, why: string): undefined {
  process.stderr.write(`\n*** NOTHING IS TESTED BESIDE ${name.toUpperCase()} IN THIS RUN: ${why}\n\n`);
}

function npmInstall(directory: string, what: string): Promise<void> {
  return installed(
    join(directory, "node_modules"),
    async (place) => run("npm", ["install", "--no-audit", "--no-fund", "--no-save", "--ignore-scripts", "--loglevel=error", `--prefix=${place}`, what], { timeout: 120_000 }),
    directory,
  );
}

/** Makes `directory` with `make`, given another name, unless `proof` is there. */
async function installed(proof: string, make: (place: string) => Promise<unknown>, directory: string): Promise<void> {
  const isThere = (): Promise<boolean> => access(proof).then(() => true, () => false);
  if (await isThere()) return;
  await mkdir(dirname(directory), { recursive: true });
  const place = await mkdtemp(`${directory}-`);
  try {
    await make(place);
    await rename(place, directory);
  } catch (error) {
    // Another run may have been faster.
    if (!(await isThere())) throw error;
  } finally {
    await rm(place, { recursive: true, force: true });
  }
}
