import { createCipheriv } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { open } from "node:fs/promises";
import { dirname } from "node:path";
import { random, type Sandbox } from "../support/sandbox.ts";

const MIB = 1024 * 1024;

/** Writes content that does not compress, the same for the same seed, a mebibyte at a time. */
export async function writeLarge(box: Sandbox, path: string, sizeBytes: number): Promise<void> {
  const cipher = createCipheriv("aes-128-ctr", Buffer.alloc(16, 7), Buffer.alloc(16));
  const zeros = Buffer.alloc(MIB);
  const file = await open(box.path(path), "w");
  for (let at = 0; at < sizeBytes; at += MIB) await file.write(cipher.update(zeros));
  await file.close();
}

/** Replaces a mebibyte at three places far from each other. */
export async function editLarge(box: Sandbox, path: string, sizeBytes: number, seed: string): Promise<void> {
  const file = await open(box.path(path), "r+");
  for (const share of [0.1, 0.5, 0.9]) await file.write(random(MIB, `${seed} ${share}`), 0, MIB, Math.floor(sizeBytes * share));
  await file.close();
}

/** Writes many assets that all differ, a hundred in each folder. */
export function writeMany(box: Sandbox, directory: string, count: number, sizeBytes: number, seed: string): void {
  for (let i = 0; i < count; i++) {
    const path = box.path(directory, String(Math.floor(i / 100)).padStart(4, "0"), `${String(i).padStart(6, "0")}.bin`);
    if (i % 100 === 0) mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, random(sizeBytes, `${seed} ${i}`));
  }
}

/** A repository `repo`, with an upstream beside it, that tracks a pattern. */
export async function makeRepository(box: Sandbox, store: string, pattern: string): Promise<void> {
  await box.git(".", "init", "-q", "--bare", "up.git");
  await box.git(".", "init", "-q", "repo");
  await box.git("repo", "remote", "add", "origin", box.path("up.git"));
  await box.mustBallast("repo", "init", store);
  await box.mustBallast("repo", "track", pattern);
}
