import { existsSync, realpathSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The directory of this package: where `hooks/` and, once built, `dist/main.js` are. */
export function packageRoot(): string {
  let dir = dirname(realpathSync(fileURLToPath(import.meta.url)));
  while (!existsSync(join(dir, "hooks", "common.sh"))) {
    if (dir === dirname(dir)) throw new Error("the package's hooks directory is missing");
    dir = dirname(dir);
  }
  return dir;
}

/** The program that users start. */
export function mainProgram(): string {
  return join(packageRoot(), "dist", "main.js");
}

/** The program that hooks and drivers start: the verbs of `run-driver.ts` and nothing else. */
export function driverProgram(): string {
  return join(packageRoot(), "dist", "driver.cjs");
}

/** A word as sh takes it literally. */
export function shellQuote(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}

/** The same for commands that people read: without quotes where none are needed. */
export function shellWord(word: string): string {
  return /^[\w./-]+$/.test(word) ? word : shellQuote(word);
}
