import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { acquireLock, withLock } from "../../../src/util/lock.ts";
import { thisProcessName } from "../../../src/util/process-name.ts";

let directory: string;
let program: string;
let file: string;
let count = 0;
const children: ChildProcess[] = [];

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "ballast-lock-"));
  program = join(directory, "holder.mjs");
  await build({ entryPoints: [fileURLToPath(new URL("../../support/lock-holder.ts", import.meta.url))], bundle: true, platform: "node", format: "esm", outfile: program, logLevel: "error", banner: { js: "import{createRequire}from'node:module';const require=createRequire(import.meta.url);" } });
});
afterEach(() => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

function newFile(): string {
  file = join(directory, `${count++}`, "counter");
  mkdirSync(dirname(file));
  writeFileSync(file, "0");
  return file;
}

function start(times: number, ms: number): ChildProcess {
  const child = spawn(process.execPath, [program, file, String(times), String(ms)], { stdio: ["ignore", "pipe", "inherit"] });
  children.push(child);
  return child;
}

const held = (child: ChildProcess): Promise<unknown> => once(child.stdout!, "data");
const ended = async (child: ChildProcess): Promise<void> => expect((await once(child, "exit"))[0]).toBe(0);
const number = (): number => Number(readFileSync(file, "utf8"));
const left = (): string[] => readdirSync(dirname(file)).filter((name) => name !== "counter");

describe("a lock", () => {
  it("lets several processes add to a number, and none gets lost", async () => {
    newFile();
    await Promise.all([1, 2, 3, 4].map(() => ended(start(25, 1))));
    expect(number()).toBe(100);
    expect(left()).toEqual([]);
  });

  it("is nobody's after its holder was killed: at once, and for one of many who wait", async () => {
    newFile();
    const doomed = start(1, 60_000);
    await held(doomed);
    expect(await acquireLock(file, 0)).toBeUndefined();
    const waiting = [1, 2, 3, 4, 5].map(() => start(3, 5));
    await pause(200);
    expect(number()).toBe(0);
    doomed.kill("SIGKILL");
    const killed = Date.now();
    await Promise.all(waiting.map(ended));
    expect(Date.now() - killed).toBeLessThan(15_000);
    expect(number()).toBe(15);
    expect(left()).toEqual([]);
  });

  it("stays its holder's while that is stopped, for however long; nobody writes in between", async () => {
    newFile();
    const asleep = start(1, 50);
    await held(asleep);
    asleep.kill("SIGSTOP");
    // As after a night: by the clock, nothing was heard of the holder for long.
    const [name] = readdirSync(`${file}.lock`);
    utimesSync(join(`${file}.lock`, name!), 1, 1);
    expect(await acquireLock(file, 0)).toBeUndefined();
    await expect(acquireLock(file, 300)).rejects.toMatchObject({ code: "LOCKED" });
    const waiting = start(1, 1);
    await pause(500);
    expect(number()).toBe(0);
    asleep.kill("SIGCONT");
    await Promise.all([ended(asleep), ended(waiting)]);
    expect(number()).toBe(2);
    expect(left()).toEqual([]);
  });

  it("of another machine is taken after a minute of silence, not before; so is one that cannot be read", async () => {
    for (const holder of [JSON.stringify({ ...thisProcessName(), host: "elsewhere", machine: "other system" }), "", "{", "null"]) {
      const lock = `${newFile()}.lock`;
      mkdirSync(lock);
      writeFileSync(join(lock, "nonce"), holder);
      expect(await acquireLock(file, 0)).toBeUndefined();
      const then = Date.now() / 1000 - 61;
      utimesSync(join(lock, "nonce"), then, then);
      const release = await acquireLock(file, 0);
      expect(release).toBeDefined();
      expect(existsSync(join(lock, "nonce"))).toBe(false);
      await release!();
    }
  });

  it("of a process that had this id before, or of no process where no more is known, is taken at once", async () => {
    const gone = start(0, 0);
    await once(gone, "exit");
    for (const holder of [{ ...thisProcessName(), started: "1" }, { host: hostname(), machine: undefined, pid: gone.pid, started: undefined }]) {
      const lock = `${newFile()}.lock`;
      mkdirSync(lock);
      writeFileSync(join(lock, "nonce"), JSON.stringify(holder));
      const release = await acquireLock(file, 0);
      expect(release).toBeDefined();
      await release!();
      expect(left()).toEqual([]);
    }
  });

  it("is released by its holder alone, also when it was taken from it, and when the work fails", async () => {
    newFile();
    const first = await acquireLock(file, 0);
    rmSync(`${file}.lock`, { recursive: true });
    const second = await acquireLock(file, 0);
    await first!();
    expect(await acquireLock(file, 0)).toBeUndefined();
    await second!();
    await expect(withLock(file, () => Promise.reject(new Error("no")))).rejects.toThrow("no");
    expect(left()).toEqual([]);
  });
});
