import { mkdirSync, statfsSync } from "node:fs";
import { join } from "node:path";
import { removeTree } from "./files.ts";
import { describeMachine, loadNow } from "./machine.ts";
import type { Bench, Case, CaseResult, Row, RowResult, StepResult, Variant, VariantResult } from "./row.ts";
import { Sample } from "./sample.ts";
import { median, ratioOf, spreadOf } from "./statistics.ts";

/**
 * Measures a row: every case, its variants in turn, round after round (A B C A B C).
 * @returns undefined when there is too little disk space, which is said
 * @throws Error when a tool fails or gives a wrong result
 */
export async function runRow(row: Row, bench: Bench, rounds: number): Promise<RowResult | undefined> {
  const { bavail, bsize } = statfsSync(bench.scratch);
  if (bavail * bsize < (row.diskBytes ?? 0)) {
    bench.say(`${row.name}: left out, as it needs ${row.diskBytes! / 1e9} GB of disk and ${bench.scratch} has ${((bavail * bsize) / 1e9).toFixed(1)}`);
    return undefined;
  }
  const began = performance.now();
  const secondsSince = (): number => (performance.now() - began) / 1000;
  const loads = [loadNow()];
  const cases: CaseResult[] = [];
  const needed: string[] = [];
  for await (const each of row.cases(bench)) {
    needed.push(...each.variants.flatMap(({ needs = [] }) => needs));
    cases.push(await runCase(row, each, bench, rounds, secondsSince));
  }
  const machine = { ...describeMachine(bench.programs, needed, bench.scratch), load: [...loads, loadNow()] };
  const seconds = Math.round(secondsSince());
  bench.say(`${row.name}: took ${seconds} s of ${row.budgetSeconds} s`);
  return { row: row.name, work: row.work, cases, goals: row.goals(cases), seconds, budgetSeconds: row.budgetSeconds, quick: bench.quick, thorough: bench.thorough, machine };
}

async function runCase(row: Row, { name, bytes, reference, variants, rounds: most = Infinity }: Case, bench: Bench, wanted: number, secondsSince: () => number): Promise<CaseResult> {
  const rounds = Math.min(wanted, most);
  const absent: Record<string, string> = {};
  const samples = new Map<Variant, Sample[]>();
  for (const variant of variants) {
    const missing = (variant.needs ?? []).find((program) => bench.programs.find(program) === undefined);
    if (variant.slow && !bench.thorough) absent[variant.name] = "measured only with --thorough";
    else if (missing === undefined) samples.set(variant, []);
    else absent[variant.name] = bench.programs.reason(missing);
  }
  for (let round = 0, longest = 0; round < rounds; round++) {
    if (round > 0 && !bench.thorough && secondsSince() + longest > row.budgetSeconds) {
      bench.say(`${row.name}: the time is up after ${round} of ${rounds} rounds`);
      break;
    }
    let again = 0;
    for (const [variant, done] of samples) {
      if (variant.once && round > 0) continue;
      const began = secondsSince();
      bench.say(`${row.name}: ${name.split(/[ :]|, /)[0]}, round ${round + 1} of ${rounds}, ${variant.name}`);
      const directory = join(bench.scratch, "round");
      mkdirSync(directory);
      const sample = new Sample(directory, bench.programs);
      await variant.run(sample);
      removeTree(directory);
      done.push(sample);
      if (!variant.once) again += secondsSince() - began;
    }
    longest = Math.max(longest, again);
  }
  const references = [...samples].find(([variant]) => variant.name === reference)?.[1];
  return { name, bytes, reference, variants: [...samples].map(([variant, done]) => resultOf(variant, done, references)), absent };
}

function resultOf({ name }: Variant, samples: readonly Sample[], references: readonly Sample[] | undefined): VariantResult {
  const [first] = samples;
  const steps: Record<string, StepResult> = {};
  for (const step of Object.keys(first!.steps)) {
    const of = (all: readonly Sample[], what: "wallSeconds" | "cpuSeconds"): number[] => all.flatMap(({ steps: { [step]: usage } }) => (usage ? [usage[what]] : []));
    const ratio = (what: "wallSeconds" | "cpuSeconds"): number | undefined => ratioOf(of(samples, what), of(references ?? [], what));
    const peaks = samples.flatMap(({ steps: { [step]: usage } }) => usage?.peakBytes ?? []);
    steps[step] = {
      wallSeconds: spreadOf(of(samples, "wallSeconds")),
      cpuSeconds: spreadOf(of(samples, "cpuSeconds")),
      peakBytes: peaks.length === 0 ? undefined : Math.max(...peaks),
      ratio: { wall: ratio("wallSeconds"), cpu: ratio("cpuSeconds") },
    };
  }
  const figures = Object.fromEntries(Object.keys(first!.figures).map((figure) => [figure, median(samples.map((sample) => sample.figures[figure]!))]));
  return { name, rounds: samples.length, steps, figures, items: samples.at(-1)!.items };
}
