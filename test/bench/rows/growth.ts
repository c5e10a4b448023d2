import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { writeLargeFile } from "../large-file.ts";
import type { Bench, CaseResult, Goal, Row, Variant } from "../row.ts";
import { exponent } from "../statistics.ts";
import { life, type Contents } from "./life.ts";
import { load } from "./many.ts";
import { contentsOf } from "./scale.ts";

const MIB = 2 ** 20;
const COUNTS = [1000, 10_000, 100_000];
const SIZES_MIB = [64, 512, 4096];
/** Ten times the work may take 12.6 times as long. */
const LINEAR = 1.1;

export const growth: Row = {
  name: "growth",
  budgetSeconds: 100,
  work:
    "How cost grows: add, commit, `git status`, push to a directory and clone, of more and more assets of 1 KiB, and of one file that does not compress and gets larger and larger. " +
    "The slope is the exponent e of cost ~ work^e between the last two, by CPU time: 0 does not grow, 1 grows as the work does.",
  diskBytes: 24e9,
  rounds: 1,
  async *cases(bench) {
    const loads = COUNTS.map((count) => load(bench, count, 1));
    yield { name: "assets of 1 KiB", reference: loads[0]!.count.toLocaleString("en-US"), variants: loads.map((assets) => variant(bench, assets.count.toLocaleString("en-US"), async () => contentsOf(bench, assets))) };
    const sizes = SIZES_MIB.map((size) => (bench.quick ? Math.ceil(size / 50) : size));
    yield { name: "one file", reference: `${sizes[0]} MiB`, variants: sizes.map((size) => variant(bench, `${size} MiB`, () => largeFile(bench, size), removed)) };
  },
  goals: (cases) => cases.flatMap(slopes),
};

function variant(bench: Bench, name: string, contents: () => Promise<Contents>, after?: (directory: string) => void): Variant {
  return { name, run: async (sample) => {
    const { sample: measured, repository } = await life(bench, "Ballast", await contents());
    sample.include(measured);
    after?.(join(repository.path, ".."));
  } };
}

function removed(directory: string): void {
  rmSync(directory, { recursive: true });
}

/** One file that does not compress, for `life`. */
export function largeFile(bench: Bench, mebibytes: number): Promise<Contents> {
  return bench.once(`file of ${mebibytes} MiB`, async () => {
    bench.say(`writing ${mebibytes} MiB`);
    const directory = join(bench.scratch, `file-${mebibytes}`);
    mkdirSync(directory);
    await writeLargeFile(join(directory, "large.bin"), mebibytes * MIB);
    return { name: `${mebibytes} MiB`, directory, bytes: mebibytes * MIB };
  });
}

function slopes({ name, variants }: CaseResult): Goal[] {
  const [before, last] = variants.slice(-2);
  if (before === undefined || last === undefined) return [];
  const work = (variant: string): number => Number.parseFloat(variant.replaceAll(",", ""));
  return Object.keys(last.steps).flatMap((step) => {
    const value = exponent([work(before.name), before.steps[step]!.cpuSeconds.median], [work(last.name), last.steps[step]!.cpuSeconds.median]);
    return value === undefined ? [] : [{ what: `${name}: slope of ${step}`, value, unit: "", bound: { atMost: LINEAR } }];
  });
}
