import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { cp, mkdir, mkdtemp, readFile, readdir, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const PROJECT = join(dirname(fileURLToPath(import.meta.url)), "../..");
const CACHE = join(PROJECT, "node_modules/.cache/ballast-test");
const HOUR_MS = 3600 * 1000;

let built: Promise<string> | undefined;

/**
 * The path of a `main.js` bundled from the sources as they are now, laid out as in the package. It is made by the
 * scripts that package.json names, kept under the hash of what went into it, and never changes under a running test.
 */
export function builtMain(): Promise<string> {
  return (built ??= build());
}

async function build(): Promise<string> {
  const home = join(CACHE, await fingerprint());
  const main = join(home, "dist/main.js");
  if (await exists(main)) return main;
  await mkdir(CACHE, { recursive: true });
  await removeOld();
  const temporary = await mkdtemp(join(CACHE, "building-"));
  const dist = join(temporary, "dist");
  await node(".ci/build.mjs", dist);
  await node(".ci/notices.mjs", join(dist, "meta.json"), join(dist, "THIRD-PARTY-LICENSES.txt"));
  await cp(join(PROJECT, "package.json"), join(temporary, "package.json"));
  await cp(join(PROJECT, "hooks"), join(temporary, "hooks"), { recursive: true });
  try {
    await rename(temporary, home);
  } catch (error) {
    // Another test process was faster.
    await rm(temporary, { recursive: true, force: true });
    if (!(await exists(main))) throw error;
  }
  return main;
}

async function node(script: string, ...args: string[]): Promise<void> {
  await promisify(execFile)(process.execPath, [script, ...args], { cwd: PROJECT });
}

async function fingerprint(): Promise<string> {
  const hash = createHash("sha256");
  const files = [join(PROJECT, "package.json")];
  for (const folder of ["src", "hooks", ".ci"]) {
    for (const entry of await readdir(join(PROJECT, folder), { recursive: true, withFileTypes: true })) {
      if (entry.isFile()) files.push(join(entry.parentPath, entry.name));
    }
  }
  for (const file of files.sort()) hash.update(`${file}\0`).update(await readFile(file)).update("\0");
  return hash.digest("hex").slice(0, 16);
}

async function removeOld(): Promise<void> {
  for (const name of await readdir(CACHE)) {
    const path = join(CACHE, name);
    const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: Infinity }));
    if (Date.now() - mtimeMs > HOUR_MS) await rm(path, { recursive: true, force: true });
  }
}

function exists(path: string): Promise<boolean> {
  return stat(path).then(() => true, () => false);
}
