import { execFileSync } from "node:child_process";
import { mkdir, readFile, rm } from "node:fs/promises";
import { afterAll, describe, expect, it } from "vitest";
import { mayMount } from "../support/mount.ts";
import { random, sandbox, sha256, type Result, type Sandbox } from "../support/sandbox.ts";

/*
 * Disks that are full or cannot be written, as small file systems of their own. Each failure is one line with the
 * documented status, nothing is lost, and the same command succeeds once there is room.
 */
const mounted: string[] = [];
afterAll(() => {
  for (const directory of mounted.splice(0).reverse()) execFileSync("umount", ["--lazy", directory]);
});

const MAY_MOUNT = mayMount();
if (!MAY_MOUNT) process.stderr.write("\n*** NO FULL DISK IS TESTED IN THIS RUN: mounting a tmpfs is not permitted here\n\n");

it("small file systems can be mounted where tests must be complete", () => {
  if (process.env["CI"] === "true") expect(MAY_MOUNT).toBe(true);
  expect(process.platform === "linux" || !MAY_MOUNT).toBe(true);
});

const MIB = 1024 * 1024;

class Disks {
  readonly box: Sandbox;

  private constructor(box: Sandbox) {
    this.box = box;
  }

  /** File systems `work` and `remote`, with a repository in one and its store and upstream in the other. */
  static async make(sizes: { work: number; remote: number }): Promise<Disks> {
    const disks = new Disks(await sandbox());
    const { box } = disks;
    for (const [name, mib] of Object.entries(sizes)) {
      await mkdir(box.path(name));
      execFileSync("mount", ["-t", "tmpfs", "-o", `size=${mib}m`, "tmpfs", box.path(name)]);
      mounted.push(box.path(name));
    }
    await box.git(".", "init", "-q", "--bare", "up.git");
    await box.git(".", "init", "-q", "work/repo");
    await box.git("work/repo", "remote", "add", "origin", box.path("up.git"));
    await box.mustBallast("work/repo", "init", box.path("remote/store"));
    return disks;
  }

  /** Takes what is left of a file system but for about `bytes`. */
  async fill(name: string, bytes: number): Promise<void> {
    const df = execFileSync("df", ["--output=avail", "-B1", this.box.path(name)]).toString();
    const free = Number(df.trim().split("\n").at(-1));
    await this.box.write(`${name}/ballast-filler`, Buffer.alloc(Math.max(0, free - bytes)));
  }

  async free(name: string): Promise<void> {
    await rm(this.box.path(name, "ballast-filler"));
  }

  remount(name: string, how: "ro" | "rw"): void {
    execFileSync("mount", ["-o", `remount,${how}`, this.box.path(name)]);
  }
}

function expectRefused({ status, stderr }: Result, wanted: number, ...words: string[]): void {
  expect(status, stderr).toBe(wanted);
  const lines = stderr.trimEnd().split("\n").filter((line) => line.startsWith("ballast: "));
  expect(lines, stderr).toHaveLength(1);
  for (const word of words) expect(lines[0]).toContain(word);
  expect(stderr).not.toContain("bug");
}

async function commit(box: Sandbox): Promise<void> {
  await box.git("work/repo", "add", "-A");
  await box.git("work/repo", "commit", "-qm", "change");
}

const big = random(6 * MIB, "big");
const bigger = random(6 * MIB, "bigger");
const small = random(200_000, "small");

describe.runIf(MAY_MOUNT)("a full disk", () => {
  it("of the repository: track says so and keeps the file; with room it goes on", async () => {
    const { box, ...disks } = await made({ work: 20, remote: 20 });
    await box.write("work/repo/art/big.bin", big);
    await box.write("work/repo/art/small.bin", small);
    await disks.fill("work", 3 * MIB);
    expectRefused(await box.ballast("work/repo", "track", "art"), 11, "no space left");
    expect((await box.read("work/repo/art/big.bin")).equals(big)).toBe(true);
    for (const name of await box.objects("work/repo/.git/ballast")) expect(name).toBe(sha256(small));
    await disks.free("work");
    await box.mustBallast("work/repo", "track", "art");
    await commit(box);
    expect(await box.git("work/repo", "status", "--porcelain")).toBe("");
    expect(await box.objects("work/repo/.git/ballast")).toEqual([sha256(big), sha256(small)].sort());
  });

  it("of the repository: git commit -a is refused rather than made without the edit", async () => {
    const { box, ...disks } = await made({ work: 20, remote: 20 });
    await box.write("work/repo/art/big.bin", small);
    await box.mustBallast("work/repo", "track", "art");
    await commit(box);
    const before = await box.git("work/repo", "rev-parse", "HEAD");
    await box.write("work/repo/art/big.bin", big);
    await disks.fill("work", 3 * MIB);
    const { status, stderr } = await box.tryGit("work/repo", "commit", "-qam", "edit");
    expect(status).not.toBe(0);
    expect(stderr).toContain("no space left");
    expect(stderr).not.toContain("bug");
    expect(await box.git("work/repo", "rev-parse", "HEAD")).toBe(before);
    expect((await box.read("work/repo/art/big.bin")).equals(big)).toBe(true);
    await disks.free("work");
    await box.git("work/repo", "commit", "-qam", "edit");
    expect(await box.git("work/repo", "show", "HEAD:.ballast/manifest.jsonl")).toContain(sha256(big));
    expect(await box.git("work/repo", "status", "--porcelain")).toBe("");
  });

  it("of the repository: checkout and switch leave the old files, and finish with room", async () => {
    const { box, ...disks } = await made({ work: 30, remote: 30 });
    await box.write("work/repo/art/big.bin", big);
    await box.mustBallast("work/repo", "track", "art");
    await commit(box);
    await box.git("work/repo", "branch", "one");
    await box.write("work/repo/art/big.bin", bigger);
    await commit(box);
    await box.git("work/repo", "push", "-q", "origin", "main", "one");
    await disks.fill("work", 3 * MIB);
    const switched = await box.tryGit("work/repo", "switch", "-q", "one");
    expect(switched.stderr).toContain("no space left");
    expect((await box.read("work/repo/art/big.bin")).equals(bigger)).toBe(true);
    expectRefused(await box.ballast("work/repo", "checkout"), 11, "no space left", "art/big.bin");
    expect((await box.read("work/repo/art/big.bin")).equals(bigger)).toBe(true);
    expect((await box.run("work/repo/.git/ballast", "find", ["tmp", "-type", "f"])).stdout).toBe("");
    await disks.free("work");
    await box.mustBallast("work/repo", "checkout");
    expect((await box.read("work/repo/art/big.bin")).equals(big)).toBe(true);
    expect(await box.git("work/repo", "status", "--porcelain")).toBe("");
  });

  it("of the repository, so full that not a byte fits: nothing is lost by any command", async () => {
    const { box, ...disks } = await made({ work: 20, remote: 20 });
    await box.write("work/repo/art/small.bin", small);
    await box.mustBallast("work/repo", "track", "art");
    await commit(box);
    await box.write("work/repo/art/small.bin", random(300_000, "edited"));
    await disks.fill("work", 0);
    for (const args of [["track", "--modified"], ["checkout", "--force"]]) {
      const { status, stderr } = await box.ballast("work/repo", ...args);
      expect(status, stderr).toBe(11);
      expect(stderr).not.toContain("bug");
    }
    for (const args of [["status"], ["commit", "-qam", "edit"], ["stash", "-q"], ["reset", "-q", "--hard"]]) expect((await box.tryGit("work/repo", ...args)).stderr).not.toContain("bug");
    await disks.free("work");
    const edited = random(300_000, "edited");
    const now = await box.read("work/repo/art/small.bin");
    const kept = (await box.objects("work/repo/.git/ballast")).includes(sha256(edited));
    expect(now.equals(edited) || kept).toBe(true);
    await box.git("work/repo", "reset", "-q", "--hard");
    await box.mustBallast("work/repo", "checkout", "--all");
    expect(await box.git("work/repo", "status", "--porcelain")).toBe("");
  });

  it("of the store: the push is refused, nothing is published, and the next one goes on", async () => {
    const { box, ...disks } = await made({ work: 30, remote: 20 });
    await box.write("work/repo/art/big.bin", big);
    await box.write("work/repo/art/small.bin", small);
    await box.mustBallast("work/repo", "track", "art");
    await commit(box);
    await disks.fill("remote", 3 * MIB);
    const pushed = await box.tryGit("work/repo", "push", "-q", "origin", "main");
    expect(pushed.status).not.toBe(0);
    expect(pushed.stderr).toContain("no space left");
    expect(await box.git("up.git", "for-each-ref")).toBe("");
    expectRefused(await box.ballast("work/repo", "push"), 11, "no space left", "remote/store");
    expect((await box.run("remote/store", "find", ["tmp", "-type", "f"])).stdout).toBe("");
    await disks.free("remote");
    await box.git("work/repo", "push", "-q", "origin", "main");
    expect(await box.objects("remote/store")).toEqual([sha256(big), sha256(small)].sort());
  });
});

describe.runIf(MAY_MOUNT)("a store that cannot be written", () => {
  it("refuses a push with a clear line, while fetch, checkout and clone work", async () => {
    const { box, ...disks } = await made({ work: 30, remote: 20 });
    await box.write("work/repo/art/small.bin", small);
    await box.mustBallast("work/repo", "track", "art");
    await commit(box);
    await box.git("work/repo", "push", "-q", "origin", "main");
    disks.remount("remote", "ro");
    await box.mustBallast(".", "clone", "-q", "up.git", "work/clone");
    expect(await readFile(box.path("work/clone/art/small.bin"))).toEqual(small);
    await box.mustBallast("work/clone", "fetch", "--all");
    expect(await box.objects("work/clone/.git/ballast")).toEqual([sha256(small)]);
    await rm(box.path("work/clone/art/small.bin"));
    await box.mustBallast("work/clone", "checkout", "--all");
    // What is there already needs no writing.
    await box.git("work/repo", "push", "-q", "origin", "main:refs/heads/same");
    await box.write("work/repo/art/new.bin", random(1000, "new"));
    await commit(box);
    const pushed = await box.tryGit("work/repo", "push", "-q", "origin", "main");
    expect(pushed.status).not.toBe(0);
    expect(pushed.stderr).toContain("read-only");
    expectRefused(await box.ballast("work/repo", "push"), 9, "read-only", "remote/store");
    disks.remount("remote", "rw");
    await box.git("work/repo", "push", "-q", "origin", "main");
  });
});

async function made(sizes: { work: number; remote: number }): Promise<{ box: Sandbox; fill: Disks["fill"]; free: Disks["free"]; remount: Disks["remount"] }> {
  const disks = await Disks.make(sizes);
  return { box: disks.box, fill: disks.fill.bind(disks), free: disks.free.bind(disks), remount: disks.remount.bind(disks) };
}
