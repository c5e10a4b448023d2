#!/usr/bin/env node
/*
 * The program's door: `git-ballast` and `ballast`. What hooks and Git's drivers start, and --version, go past the
 * command line parser, since a user waits for them again and again. Nothing is imported here that is not always needed.
 */
import { readFileSync } from "node:fs";

const [verb, ...rest] = process.argv.slice(2);

if (verb === "--version" && rest.length === 0) {
  process.stdout.write(`git-ballast ${version()}\n`);
} else if (verb === "hook" || verb === "filter-process" || verb === "merge-driver" || verb === "textconv") {
  const { runDriver } = await import("./cli/run-driver.ts");
  process.exitCode = await runDriver(verb, rest);
} else {
  const { runProgram } = await import("./cli/run-program.ts");
  process.exitCode = await runProgram(process.argv.slice(2), version());
}

function version(): string {
  return (JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as { version: string }).version;
}
