#!/usr/bin/env node
/*
 * The program's door: `git-ballast` and `ballast`. What Git starts, and --version, go past the command line parser,
 * since a user waits for them again and again. Nothing is imported here that is not always needed.
 */
import { readFileSync } from "node:fs";

const [verb, ...rest] = process.argv.slice(2);

if (verb === "--version" && rest.length === 0) {
  process.stdout.write(`git-ballast ${version()}\n`);
} else if (verb === "hook" || verb === "filter-process" || verb === "merge-driver" || verb === "textconv") {
  // Hooks and drivers start driver.cjs themselves, unless it has moved.
  await import("./driver.ts");
} else {
  const { runProgram } = await import("./cli/run-program.ts");
  process.exitCode = await runProgram(process.argv.slice(2), version());
}

function version(): string {
  return (JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as { version: string }).version;
}
