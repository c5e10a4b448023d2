import { createCipheriv, createHash } from "node:crypto";
import { mkdirSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** Bytes of all files below a directory, by their lengths; 0 when there is none. */
export function bytesIn(directory: string): number {
  if (statSync(directory, { throwIfNoEntry: false }) === undefined) return 0;
  const entries = readdirSync(directory, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return entries.reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0);
}

/** Content that does not compress, and is the same for the same seed. */
export function incompressible(sizeBytes: number, seed: string): Buffer {
  const key = createHash("sha256").update(seed).digest();
  return createCipheriv("aes-256-ctr", key, Buffer.alloc(16)).update(Buffer.alloc(sizeBytes));
}

/** The path of one of many assets below their directory: a hundred in each folder. */
export function assetPath(i: number): string {
  return `${String(Math.floor(i / 100)).padStart(3, "0")}/${String(i).padStart(6, "0")}.bin`;
}

/** Writes assets that all differ. */
export function writeAssets(directory: string, count: number, sizeBytes: number, seed = "asset"): void {
  for (let i = 0; i < count; i++) {
    const path = join(directory, assetPath(i));
    if (i % 100 === 0) mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, incompressible(sizeBytes, `${seed} ${i}`));
  }
}
