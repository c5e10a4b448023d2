import { execFile, spawnSync } from "node:child_process";
import { mkdtemp, readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { hasXdelta3 } from "./xdelta3.ts";

const run = promisify(execFile);
const SCRIPT = join(dirname(fileURLToPath(import.meta.url)), "s3-server.sh");
const PROGRAMS = ["ceph-mon", "ceph-osd", "radosgw", "radosgw-admin", "ceph"];
const PACKAGES = ["ceph-mon", "ceph-osd", "radosgw", "ceph-common"];

let directory: string | undefined;

/** Starts one S3 server for the whole run, unless `BALLAST_TEST_S3` names one; workers find it in their environment. */
export async function setup(): Promise<void> {
  await needXdelta3();
  if (process.env["BALLAST_TEST_S3"]) return;
  if (!(await programsThere()) && !(await install(PACKAGES), await programsThere())) {
    const message = `no S3 server to test against: set BALLAST_TEST_S3=http://key:secret@host:port, or install ${PACKAGES.join(", ")}`;
    if (process.env["CI"] === "true") throw new Error(message);
    process.stderr.write(`\n*** ${message}\n*** THE S3 STORE IS NOT TESTED IN THIS RUN\n\n`);
    return;
  }
  directory = await mkdtemp(join(tmpdir(), "ballast-s3-"));
  // A run that throws, or is killed, must not leave a server behind: the server watches this process.
  process.once("exit", stop);
  const { stdout } = await run(SCRIPT, ["start", directory, String(process.pid)]);
  process.env["BALLAST_TEST_S3"] = stdout.trim();
}

/** The program that deltas are held against. */
async function needXdelta3(): Promise<void> {
  if (hasXdelta3() || (await install(["xdelta3"]), hasXdelta3())) return;
  const message = "no xdelta3 to test deltas against: install xdelta3";
  if (process.env["CI"] === "true") throw new Error(message);
  process.stderr.write(`\n*** ${message}\n*** DELTAS ARE NOT TESTED AGAINST THE STOCK PROGRAM IN THIS RUN\n\n`);
}

export function teardown(): void {
  stop();
  process.removeListener("exit", stop);
}

function stop(): void {
  if (directory === undefined) return;
  spawnSync(SCRIPT, ["stop", directory], { stdio: "ignore" });
  directory = undefined;
  delete process.env["BALLAST_TEST_S3"];
}

async function programsThere(): Promise<boolean> {
  try {
    await run("sh", ["-c", PROGRAMS.map((program) => `command -v ${program}`).join(" && ")]);
    return true;
  } catch {
    return false;
  }
}

/** Installs packages where that is possible without a question. */
async function install(packages: readonly string[]): Promise<void> {
  const release = await readFile("/etc/os-release", "utf8").catch(() => "");
  if (process.getuid?.() !== 0 || !/^ID(_LIKE)?=.*(debian|ubuntu)/m.test(release)) return;
  process.stderr.write(`installing ${packages.join(", ")} for the tests\n`);
  const options = { env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" }, maxBuffer: 1 << 28 };
  try {
    await run("apt-get", ["update"], options);
    await run("apt-get", ["install", "-y", "--no-install-recommends", ...packages], options);
  } catch (error) {
    process.stderr.write(`that failed: ${error instanceof Error ? error.message.split("\n")[0] : String(error)}\n`);
  }
}
