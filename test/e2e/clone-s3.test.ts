import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdir, rm } from "node:fs/promises";
import { setTimeout as pause } from "node:timers/promises";
import { PutObjectCommand } from "@aws-sdk/client-s3";
import { beforeAll, describe, expect, it } from "vitest";
import { asset } from "../support/project.ts";
import { sandbox, sha256, type Sandbox } from "../support/sandbox.ts";
import { testS3 } from "../support/s3.ts";

/* So many objects, and more than half of them so large, that other threads verify and write what comes. */
const COUNT = 150;
const contents = Array.from({ length: COUNT }, (_, i) => asset(`asset ${i}`, 2000 + 1000 * i));

const s3 = await testS3();

describe.runIf(s3)("a clone of many small assets from a bucket", () => {
  let box: Sandbox;
  let bucket: string;

  beforeAll(async () => {
    bucket = await s3!.bucket();
    box = await sandbox({ env: s3!.env() });
    await box.git(".", "init", "-q", "--bare", "upstream.git");
    await box.git(".", "init", "-q", "repo");
    await box.git("repo", "remote", "add", "origin", box.path("upstream.git"));
    await box.mustBallast("repo", "init", `s3://${bucket}/team`);
    await box.mustBallast("repo", "track", "*.bin");
    for (const [i, content] of contents.entries()) await box.write(`repo/art/${i}.bin`, content);
    // One content at several paths, one of them a program.
    for (const name of ["again", "tool"]) await box.write(`repo/${name}.bin`, contents[7]!);
    await box.run("repo", "chmod", ["+x", "tool.bin"]);
    await box.git("repo", "add", "--all");
    await box.git("repo", "commit", "-q", "-m", "assets");
    await box.git("repo", "push", "-q", "-u", "origin", "main");
  });

  async function expectWhole(clone: string, except: readonly number[] = []): Promise<void> {
    for (const [i, content] of contents.entries()) if (!except.includes(i)) expect((await box.read(`${clone}/art/${i}.bin`)).equals(content), `art/${i}.bin`).toBe(true);
  }
  /** What a transfer left half done, in the local store and for the worktree. */
  function leftovers(clone: string): Promise<string[]> {
    return readdir(box.path(`${clone}/.git/ballast/tmp`));
  }

  it("restores every one, at each of its paths", async () => {
    await box.mustBallast(".", "clone", "upstream.git", "whole");
    await expectWhole("whole");
    for (const name of ["again", "tool"]) expect((await box.read(`whole/${name}.bin`)).equals(contents[7]!)).toBe(true);
    await box.run("whole", "test", ["-x", "tool.bin"]);
    expect(await box.git("whole", "status", "--porcelain")).toBe("");
    expect(await leftovers("whole")).toEqual([]);
    expect(await box.objects("whole/.git/ballast")).toEqual(contents.map(sha256).sort());
  });

  it("goes on when it is killed in the middle", async () => {
    const some = async (): Promise<number> => (await readdir(box.path("killed/art")).catch(() => [])).length;
    // A slow machine may look only when all is there.
    for (let tries = 0; tries === 0 || (await some()) === COUNT; tries++) {
      expect(tries).toBeLessThan(10);
      await rm(box.path("killed"), { recursive: true, force: true });
      await box.git(".", "clone", "-q", "upstream.git", "killed");
      const child = spawn("git", ["ballast", "checkout"], { cwd: box.path("killed"), env: box.env, stdio: "ignore", detached: true });
      const ended = once(child, "exit");
      while ((await some()) < 10 && child.exitCode === null) await pause(2);
      if (child.exitCode === null) process.kill(-child.pid!, "SIGKILL");
      await ended;
    }
    await box.mustBallast("killed", "checkout");
    await expectWhole("killed");
    expect((await box.ballast("killed", "status")).status).toBe(0);
  });

  it("restores the others where one is not what its name says", async () => {
    const oid = sha256(contents[120]!);
    const Key = `team/objects/${oid.slice(0, 2)}/${oid}`;
    const put = (Body: Buffer): Promise<unknown> => s3!.client().send(new PutObjectCommand({ Bucket: bucket, Key, Body }));
    const damaged = Buffer.from(contents[120]!);
    damaged[1000]! ^= 1;
    await put(damaged);
    try {
      const { status, stderr } = await box.ballast(".", "clone", "upstream.git", "damaged");
      expect(status).not.toBe(0);
      expect(stderr).toContain("art/120.bin");
      await expectWhole("damaged", [120]);
      expect(await box.objects("damaged/.git/ballast")).toEqual(contents.map(sha256).filter((each) => each !== oid).sort());
      expect(await leftovers("damaged")).toEqual([]);
    } finally {
      await put(contents[120]!);
    }
    await box.mustBallast("damaged", "checkout");
    await expectWhole("damaged");
  });
});
