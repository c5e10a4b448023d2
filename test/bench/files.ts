import { createCipheriv, createHash } from "node:crypto";
import { mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { output } from "./programs.ts";

/** A line for the shell: removes what `find` finds in `$1`, sixteen at once, as far as that goes. */
const atOnce = (what: string, remove: string): string => `find "$1" ${what} -print0 | xargs -0 -n 100 -P 16 ${remove} 2> /dev/null || :`;

/** Bytes of all files below a directory, by their lengths; 0 when there is none. */
export function bytesIn(directory: string): number {
  if (statSync(directory, { throwIfNoEntry: false }) === undefined) return 0;
  const entries = readdirSync(directory, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return entries.reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0);
}

/** Copies a directory to where nothing is yet. */
export function copyTree(from: string, to: string): void {
  output("cp", ["-r", from, to]);
}

/**
 * Removes a directory with all that it holds, if it is there. A file system with a journal lets who removes a file wait
 * for it; where many wait at once, 20,000 files take 2 s and not 30. git-annex takes away the right to write what it stores.
 */
export function removeTree(directory: string): void {
  if (statSync(directory, { throwIfNoEntry: false }) === undefined) return;
  output("sh", ["-c", `find "$1" -type d ! -perm -u+w -exec chmod u+w {} +; ${atOnce("! -type d", "rm -f")}; ${atOnce("-depth -type d", "rmdir")}`, "sh", directory]);
  // A directory goes only after what is in it; and something that still ends in the background may put a file there.
  rmSync(directory, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
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
