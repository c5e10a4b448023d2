import { spawn } from "node:child_process";
import { createCipheriv, createHash } from "node:crypto";
import { open } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { setTimeout as pause } from "node:timers/promises";
import { beforeAll, describe, expect, it } from "vitest";
import { sandbox, sha256OfFile, type Sandbox } from "../support/sandbox.ts";

const MIB = 1024 * 1024;

let box: Sandbox;
beforeAll(async () => {
  box = await sandbox();
});

/** Writes content that does not compress, the same for the same length, a mebibyte at a time. */
async function writeLarge(path: string, mebibytes: number): Promise<string> {
  const cipher = createCipheriv("aes-128-ctr", Buffer.alloc(16, 7), Buffer.alloc(16));
  const hash = createHash("sha256");
  const file = await open(box.path(path), "w");
  const zeros = Buffer.alloc(MIB);
  for (let i = 0; i < mebibytes; i++) {
    const chunk = cipher.update(zeros);
    hash.update(chunk);
    await file.write(chunk);
  }
  await file.close();
  return hash.digest("hex");
}

describe("a large file", () => {
  // Memory that grew with the file would show at this size: it is several times the bound.
  it("passes through track, commit, push and clone in bounded memory", async () => {
    await box.git(".", "init", "--quiet", "--bare", "up.git");
    await box.git(".", "init", "--quiet", "big");
    await box.mustBallast("big", "init", box.path("store"));
    const oid = await writeLarge("big/film.mov", 768);
    const log = box.path("memory.log");
    box.env["NODE_OPTIONS"] = `--require=${fileURLToPath(new URL("../support/peak-memory.cjs", import.meta.url))}`;
    box.env["PEAK_MEMORY_LOG"] = log;
    await box.mustBallast("big", "track", "*.mov");
    await box.git("big", "add", "--all");
    await box.git("big", "commit", "--quiet", "-m", "film");
    await box.git("big", "remote", "add", "origin", box.path("up.git"));
    await box.git("big", "push", "--quiet", "origin", "main");
    await box.mustBallast(".", "clone", "--quiet", box.path("up.git"), "clone");
    delete box.env["NODE_OPTIONS"];
    expect(await sha256OfFile(box.path("clone/film.mov"))).toBe(oid);
    const peaks = (await box.read("memory.log")).toString().trim().split("\n");
    expect(peaks.some((line) => line.endsWith(" clone --quiet"))).toBe(true);
    expect(peaks.some((line) => line.endsWith(" hook pre-push"))).toBe(true);
    for (const line of peaks) expect(Number(line.split(" ")[0]) / 1024, line).toBeLessThan(200);
  });

  it("that was edited is not hashed for git status, and the provisional answer never gets into a commit", async () => {
    await box.git(".", "init", "--quiet", "look");
    await box.mustBallast("look", "init");
    await writeLarge("look/film.mov", 80);
    await box.mustBallast("look", "track", "*.mov");
    await box.git("look", "add", "--all");
    await box.git("look", "commit", "--quiet", "-m", "one");
    const oid = await writeLarge("look/film.mov", 81);
    expect(await box.git("look", "status", "--short")).toBe(" M .ballast/manifest.jsonl");
    expect(await box.git("look", "diff")).toContain("not hashed yet");
    await box.git("look", "commit", "--quiet", "-am", "two");
    expect(await box.git("look", "show", "HEAD:.ballast/manifest.jsonl")).toContain(oid);
    expect(await box.git("look", "status", "--short")).toBe("");
  });
});

describe("Ctrl-C", () => {
  it("in the middle of a transfer leaves nothing half-done, says how to go on, and the next run finishes", async () => {
    await box.git(".", "init", "--quiet", "stop");
    await box.mustBallast("stop", "init");
    const oid = await writeLarge("stop/film.mov", 256);
    const child = spawn(box.path("bin/git-ballast"), ["--set", "compression=always", "--set", "compression.level=9", "track", "*.mov"], { cwd: box.path("stop"), env: box.env });
    let stderr = "";
    child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
    const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
    await pause(1500);
    child.kill("SIGINT");
    expect(await ended).toBe(130);
    expect(stderr).toMatch(/interrupted/i);
    expect(await box.objects("stop/.git/ballast")).toEqual([]);
    await box.mustBallast("stop", "--set", "compression=never", "track", "*.mov");
    expect(await box.objects("stop/.git/ballast")).toEqual([oid]);
  });
});
