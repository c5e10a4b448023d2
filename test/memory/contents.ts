import { createCipheriv } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { open, readdir } from "node:fs/promises";
import { dirname, join } from "node:path";
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

/** Replaces a mebibyte at some places far from each other. @param shares of the size; where they are */
export async function editLarge(box: Sandbox, path: string, sizeBytes: number, seed: string, shares: readonly number[] = [0.1, 0.5, 0.9]): Promise<void> {
  const file = await open(box.path(path), "r+");
  for (const share of shares) await file.write(random(MIB, `${seed} ${share}`), 0, MIB, Math.floor(sizeBytes * share));
  await file.close();
}

/** Changes a byte of a file. */
export async function damage(path: string, position: number): Promise<void> {
  const file = await open(path, "r+");
  const { buffer } = await file.read(Buffer.alloc(1), 0, 1, position);
  buffer[0]! ^= 1;
  await file.write(buffer, 0, 1, position);
  await file.close();
}

/** The objects of a directory store: what each is a difference from, if it is one, and its path. */
export async function objectsIn(root: string): Promise<{ oid: string; base: string | undefined; path: string }[]> {
  const files = (await readdir(join(root, "objects"), { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile());
  return files.map(({ parentPath, name }) => {
    const [, oid, base] = /^([0-9a-f]{64})(?:\.([0-9a-f]{64})\.xd3)?/.exec(name)!;
    return { oid: oid!, base, path: join(parentPath, name) };
  });
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
