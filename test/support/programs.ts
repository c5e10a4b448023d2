import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { promisify } from "node:util";

const run = promisify(execFile);

/**
 * Makes sure that programs are there which some tests need: installs their packages where that is possible without a
 * question. Where they cannot be had, says so loudly and returns false; with `CI=true` it throws.
 * @param purpose completes "no … to": what will not be tested
 * @param packages the Debian packages, by program
 */
export async function programs(purpose: string, packages: Readonly<Record<string, string>>): Promise<boolean> {
  const missing = await absent(Object.keys(packages));
  if (missing.length === 0) return true;
  await install(missing.flatMap((program) => packages[program]!.split(" ")));
  const still = await absent(missing);
  if (still.length === 0) return true;
  const message = `there is no ${still.join(" and no ")} ${purpose}: install ${still.map((program) => packages[program]).join(", ")}`;
  if (process.env["CI"] === "true") throw new Error(message);
  process.stderr.write(`\n*** ${message}\n*** THIS IS NOT TESTED IN THIS RUN\n\n`);
  return false;
}

async function absent(names: readonly string[]): Promise<string[]> {
  const found = await Promise.all(names.map((name) => run("sh", ["-c", `command -v ${name}`]).then(() => true, () => false)));
  return names.filter((_, i) => !found[i]);
}

async function install(packages: readonly string[]): Promise<void> {
  const release = await readFile("/etc/os-release", "utf8").catch(() => "");
  if (process.getuid?.() !== 0 || !/^ID(_LIKE)?=.*(debian|ubuntu)/m.test(release)) return;
  const options = { env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" }, maxBuffer: 1 << 28 };
  try {
    await run("apt-get", ["update"], options);
    await run("apt-get", ["install", "-y", "--no-install-recommends", ...packages], options);
  } catch (error) {
    process.stderr.write(`installing ${packages.join(", ")} failed: ${error instanceof Error ? error.message.split("\n")[0] : String(error)}\n`);
  }
}
