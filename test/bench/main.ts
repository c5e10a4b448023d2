import { mkdirSync, mkdtempSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { removeTree } from "./files.ts";
import { made } from "./made.ts";
import { findPrograms } from "./programs.ts";
import type { Bench, RowResult } from "./row.ts";
import { ROWS } from "./rows/index.ts";
import { runRow } from "./run-row.ts";
import { startS3, type S3Server } from "./s3-server.ts";
import { formatRow } from "./table.ts";

const ELSEWHERE = "/dev/shm";
const USAGE = `usage: npm run bench -- [--only row,…] [--cases name,…] [--rounds n] [--without program,…] [--json file] [--docs] [--thorough] [--quick]
  --only      rows to measure: ${ROWS.map(({ name }) => name).join(", ")}
  --cases     cases of these rows, by the first word of their names
  --rounds    how often everything is measured (what each row says)
  --without   programs that take no part
  --json      a file for all results
  --docs      puts the tables into docs/benchmarks.md, and the results beside the benchmark
  --scratch   where to work (${tmpdir()})
  --elsewhere a directory on another file system (${ELSEWHERE})
  --thorough  also what takes long, for as many rounds as the row says, whatever time that takes
  --quick     tries the benchmark itself: a fiftieth of the work, once; the figures say nothing
`;

/** The npm script runs in the project's directory, beside node_modules. */
const CACHE = "node_modules/.cache/ballast-bench";
const DOCS = "docs/benchmarks.md";
const RESULTS = "test/bench/results";

await main();

async function main(): Promise<void> {
  const text = { type: "string" } as const;
  const flag = { type: "boolean", default: false } as const;
  const { values } = parseArgs({ options: { only: text, cases: text, rounds: text, without: text, json: text, docs: flag, quick: flag, thorough: flag, scratch: { ...text, default: tmpdir() }, elsewhere: { ...text, default: ELSEWHERE }, help: flag } });
  const only = values.only?.split(",") ?? ROWS.map(({ name }) => name);
  const rounds = values.rounds === undefined ? undefined : Number(values.rounds);
  const unknown = only.filter((name) => !ROWS.some((row) => row.name === name));
  if (values.help || unknown.length > 0 || (rounds !== undefined && !(Number.isInteger(rounds) && rounds > 0))) {
    process.stderr.write(USAGE);
    process.exitCode = values.help ? 0 : 2;
    return;
  }
  if (values.docs && values.quick) throw new Error("what is measured with --quick has no place in the docs");
  const scratch = mkdtempSync(join(values.scratch, "ballast-bench-"));
  const elsewhere = otherFileSystem(values.elsewhere, scratch);
  let server: S3Server | undefined;
  const began = performance.now();
  const remove = (): void => {
    server?.stop();
    server = undefined;
    for (const directory of [scratch, elsewhere]) if (directory !== undefined) removeTree(directory);
  };
  // Also when a row throws, or a signal ends the run.
  process.once("exit", remove);
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(130));
  mkdirSync(CACHE, { recursive: true });
  const programs = findPrograms(values.without?.split(","));
  const bench: Bench = {
    scratch,
    elsewhere,
    cache: CACHE,
    programs,
    quick: values.quick,
    thorough: values.thorough,
    ...made(),
    s3: async () => (server ??= startS3(programs, scratch)),
    say: (line) => void process.stderr.write(`${new Date().toISOString().slice(11, 19)} ${line}\n`),
    wants: (name) => values.cases?.split(",").includes(name) ?? true,
  };
  const results: RowResult[] = [];
  for (const row of ROWS.filter(({ name }) => only.includes(name))) {
    const result = await runRow(row, bench, rounds ?? (values.quick ? 1 : (row.rounds ?? 3)));
    if (result === undefined) continue;
    results.push(result);
    process.stdout.write(`${formatRow(result)}\n\n`);
    if (values.docs && row.slow && !values.thorough) bench.say(`${row.name}: goes into the docs only with --thorough`);
    else if (values.docs) publish(result);
    if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(results, undefined, 2)}\n`);
  }
  const measured = performance.now();
  remove();
  const seconds = (from: number): number => Math.round((performance.now() - from) / 1000);
  bench.say(`all: took ${seconds(began)} s, ${seconds(measured)} of them to remove what was made`);
}

/** A new directory in `place`, if that is on another file system than the scratch directory. */
function otherFileSystem(place: string, scratch: string): string | undefined {
  const there = statSync(place, { throwIfNoEntry: false });
  return there === undefined || there.dev === statSync(scratch).dev ? undefined : mkdtempSync(join(place, "ballast-bench-"));
}

/** Replaces what docs/benchmarks.md says of a row between its two marks, and the row's committed results. */
function publish(result: RowResult): void {
  mkdirSync(RESULTS, { recursive: true });
  writeFileSync(join(RESULTS, `${result.row}.json`), `${JSON.stringify(result, undefined, 2)}\n`);
  const text = readFileSync(DOCS, "utf8");
  const [begin, end] = [`<!-- begin ${result.row} -->`, `<!-- end ${result.row} -->`];
  const [from, to] = [text.indexOf(begin), text.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`${DOCS} has no place for the row ${result.row}: two lines, ${begin} and ${end}`);
  writeFileSync(DOCS, `${text.slice(0, from + begin.length)}\n\n${formatRow(result)}\n\n${text.slice(to)}`);
}
