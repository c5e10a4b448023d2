/*
 * `npm start`: the whole story on real files, in a temporary directory that is removed at the end. Everything goes
 * through the same programs that a user has: git, and git-ballast as the hooks start it.
 */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { chmodSync, copyFileSync, existsSync, lstatSync, mkdirSync, mkdtempSync, openSync, closeSync, readdirSync, readFileSync, readSync, realpathSync, rmSync, statSync, writeFileSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join, relative } from "node:path";
import { mainProgram, packageRoot, shellQuote } from "./util/package-root.ts";
import { formatBytes } from "./util/format.ts";

/** Real files, together about this many bytes and never less than 100 MB. */
const WANTED_BYTES = 108 * 1024 * 1024;
const MOST_FILES = 60;

const root = realpathSync(mkdtempSync(join(tmpdir(), "ballast-demo-")));
const [work, store, clone] = [join(root, "game"), join(root, "bucket"), join(root, "clone")];
const upstream = join(root, "upstream.git");
const timings: [string, number][] = [];

try {
  main();
} finally {
  rmSync(root, { recursive: true, force: true });
}

function main(): void {
  prepare();
  title("A repository with large files");
  run("git", "init", "--quiet", "--bare", upstream);
  run("git", "init", "--quiet", work);
  const files = gather(join(work, "assets"));
  const total = files.reduce((sum, file) => sum + statSync(file).size, 0);
  say(`${files.length} real files, ${formatBytes(total)}: this machine's Node program and files of this package's dependencies`);

  title("Set up: once per repository");
  timed("init", () => ballast(work, "init"));
  timed("track", () => ballast(work, "track", "assets"));

  title("Then plain Git");
  git(work, "add", "--all");
  timed("commit", () => git(work, "commit", "--quiet", "-m", "Add the assets"));
  git(work, "remote", "add", "origin", upstream);
  timed("store set", () => ballast(work, "store", "set", store));
  git(work, "commit", "--quiet", "-am", "Keep the assets in a directory");
  timed("push", () => git(work, "push", "--quiet", "-u", "origin", "HEAD:main"));
  say(`the store holds ${formatBytes(sizeOf(store))}, Git itself ${formatBytes(sizeOf(upstream))}`);

  title("On another machine");
  timed("clone", () => ballast(root, "clone", "--quiet", "--branch", "main", upstream, clone));
  const bytes = verify(files, join(work, "assets"), join(clone, "assets"));
  say(`every byte compared: ${files.length} files, ${formatBytes(bytes)}, all equal`);

  title("An edit: Git sees it");
  const edited = files[1]!;
  const before = sha256(edited);
  edit(edited);
  print(git(work, "status", "--short"));
  print(git(work, "diff", "-U0", "--", ".ballast/manifest.jsonl").split("\n").filter((line) => /^[+-][^+-]/.test(line)).join("\n"));
  git(work, "switch", "--quiet", "-c", "brighter");
  const held = sizeOf(store);
  timed("commit -am", () => git(work, "commit", "--quiet", "-am", "Brighter"));
  timed("push edit", () => git(work, "push", "--quiet", "origin", "HEAD:brighter"));
  say(`the new version took ${formatBytes(sizeOf(store) - held)} in the store`);

  title("Branches");
  const after = sha256(edited);
  timed("switch", () => git(work, "switch", "--quiet", "-"));
  check(sha256(edited) === before, "the first version is back after git switch");
  git(work, "switch", "--quiet", "-");
  check(sha256(edited) === after, "and the edited one after switching again");
  check(git(work, "status", "--short") === "", "git status is clean");

  title("What it cost");
  const seconds = timings.reduce((sum, [, ms]) => sum + ms, 0) / 1000;
  for (const [name, ms] of timings) say(`${name.padEnd(12)} ${(ms / 1000).toFixed(2).padStart(6)} s`);
  say(`${formatBytes(total)} tracked, pushed, cloned and verified; ${seconds.toFixed(1)} s in all; ${formatBytes(sizeOf(store))} in the store`);
}

/** Gives the programs started here a configuration of their own and `git ballast` on the PATH. */
function prepare(): void {
  const bin = join(root, "bin");
  mkdirSync(bin);
  writeFileSync(join(bin, "git-ballast"), `#!/bin/sh\nexec ${shellQuote(process.execPath)} ${shellQuote(mainProgram())} "$@"\n`);
  chmodSync(join(bin, "git-ballast"), 0o755);
  writeFileSync(join(root, "gitconfig"), "[init]\n\tdefaultBranch = main\n[user]\n\tname = Demo\n\temail = demo@example.com\n[protocol \"file\"]\n\tallow = always\n");
  const { PATH } = process.env;
  Object.assign(process.env, { PATH: `${bin}${delimiter}${PATH ?? ""}`, GIT_CONFIG_GLOBAL: join(root, "gitconfig"), GIT_CONFIG_NOSYSTEM: "1" });
}

/** Copies Node's own program and the largest files of the dependencies that still fit. */
function gather(target: string): string[] {
  const found = [process.execPath, ...largest(join(packageRoot(), "node_modules"))];
  const files: string[] = [];
  let bytes = 0;
  for (const file of found) {
    if (files.length === MOST_FILES) break;
    if (files.length > 0 && bytes + statSync(file).size > WANTED_BYTES) continue;
    const name = file === process.execPath ? "node" : relative(packageRoot(), file).replace("node_modules/", "");
    const copy = join(target, name);
    mkdirSync(dirname(copy), { recursive: true });
    copyFileSync(file, copy);
    files.push(copy);
    bytes += statSync(copy).size;
  }
  if (bytes < 100e6) throw new Error(`only ${bytes} bytes of real files were found; run npm ci first`);
  return files;
}

function largest(directory: string): string[] {
  if (!existsSync(directory)) return [];
  return filesIn(directory).toSorted((a, b) => b.size - a.size).map(({ file }) => file);
}

/** Overwrites a kilobyte in the middle. */
function edit(file: string): void {
  chmodSync(file, statSync(file).mode | 0o200);
  const fd = openSync(file, "r+");
  try {
    const middle = Math.floor(statSync(file).size / 2);
    const bytes = Buffer.alloc(1024);
    readSync(fd, bytes, 0, bytes.length, middle);
    writeSync(fd, bytes.map((byte) => byte ^ 0x5a), 0, bytes.length, middle);
  } finally {
    closeSync(fd);
  }
}

function verify(files: readonly string[], from: string, to: string): number {
  let bytes = 0;
  for (const file of files) {
    const other = join(to, relative(from, file));
    if (sha256(file) !== sha256(other)) throw new Error(`${other} differs`);
    bytes += statSync(other).size;
  }
  return bytes;
}

function sha256(file: string): string {
  return createHash("sha256").update(readFileSync(file)).digest("hex");
}

function sizeOf(directory: string): number {
  return filesIn(directory).reduce((sum, { size }) => sum + size, 0);
}

/** Regular files, at any depth. Entries that know their directory came with Node 20.12. */
function filesIn(directory: string): { file: string; size: number }[] {
  const files = readdirSync(directory, { recursive: true, encoding: "utf8" }).map((name) => join(directory, name));
  return files.map((file) => ({ file, stat: lstatSync(file) })).filter(({ stat }) => stat.isFile()).map(({ file, stat }) => ({ file, size: stat.size }));
}

function ballast(cwd: string, ...args: string[]): string {
  return runIn(cwd, "git", "ballast", ...args);
}

function git(cwd: string, ...args: string[]): string {
  return runIn(cwd, "git", ...args);
}

function runIn(cwd: string, program: string, ...args: string[]): string {
  process.stdout.write(`  $ ${program} ${args.map((arg) => (/\s/.test(arg) ? shellQuote(arg) : arg.replace(root, "…"))).join(" ")}\n`);
  return run(program, ...["-C", cwd, ...args]);
}

function run(program: string, ...args: string[]): string {
  return execFileSync(program, args, { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"], maxBuffer: 1 << 28 }).trimEnd();
}

function timed(name: string, work: () => string): void {
  const start = performance.now();
  const said = work();
  timings.push([name, performance.now() - start]);
  print(said);
}

function print(text: string): void {
  if (text !== "") process.stdout.write(`${text.replaceAll(root, "…").replace(/^/gm, "      ")}\n`);
}

function check(holds: boolean, what: string): void {
  if (!holds) throw new Error(`this does not hold: ${what}`);
  say(`✓ ${what}`);
}

function title(text: string): void {
  process.stdout.write(`\n${text}\n`);
}

function say(text: string): void {
  process.stdout.write(`  ${text}\n`);
}
