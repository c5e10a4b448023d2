import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { findPrograms } from "./programs.ts";
import type { RowResult } from "./row.ts";
import { ROWS } from "./rows/index.ts";
import { runRow } from "./run-row.ts";
import { formatRow } from "./table.ts";

const USAGE = `usage: npm run bench -- [--only row,…] [--cases name,…] [--rounds n] [--without program,…] [--json file] [--docs]
  --only      rows to measure: ${ROWS.map(({ name }) => name).join(", ")}
  --cases     cases of these rows, by the first word of their names
  --rounds    how often everything is measured (what each row says)
  --without   programs that take no part
  --json      a file for all results
  --docs      puts the tables into docs/benchmarks.md, and the results beside the benchmark
  --scratch   where to work (${tmpdir()})
`;

/** The npm script runs in the project's directory, beside node_modules. */
const CACHE = "node_modules/.cache/ballast-bench";
const DOCS = "docs/benchmarks.md";
const RESULTS = "test/bench/results";

await main();

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { only: { type: "string" }, cases: { type: "string" }, rounds: { type: "string" }, without: { type: "string" }, json: { type: "string" }, docs: { type: "boolean" }, scratch: { type: "string", default: tmpdir() }, help: { type: "boolean" } } });
  const only = values.only?.split(",") ?? ROWS.map(({ name }) => name);
  const rounds = values.rounds === undefined ? undefined : Number(values.rounds);
  const unknown = only.filter((name) => !ROWS.some((row) => row.name === name));
  if (values.help || unknown.length > 0 || (rounds !== undefined && !(Number.isInteger(rounds) && rounds > 0))) {
    process.stderr.write(USAGE);
    process.exitCode = values.help ? 0 : 2;
    return;
  }
  const scratch = mkdtempSync(join(values.scratch, "ballast-bench-"));
  const remove = (): void => rmSync(scratch, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => (remove(), process.exit(130)));
  mkdirSync(CACHE, { recursive: true });
  try {
    const wants = (name: string): boolean => values.cases?.split(",").includes(name) ?? true;
    const bench = { scratch, cache: CACHE, programs: findPrograms(values.without?.split(",")), say: (line: string) => void process.stderr.write(`${line}\n`), wants };
    const results: RowResult[] = [];
    for (const row of ROWS.filter(({ name }) => only.includes(name))) {
      const result = await runRow(row, bench, rounds ?? row.rounds ?? 3);
      if (result === undefined) continue;
      results.push(result);
      process.stdout.write(`${formatRow(result)}\n\n`);
      if (values.docs) publish(result);
      if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(results, undefined, 2)}\n`);
    }
  } finally {
    remove();
  }
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
