import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { removeTree } from "../files.ts";
import { writeLargeFile } from "../large-file.ts";
import type { Bench, CaseResult, Goal, Row, Variant } from "../row.ts";
import { exponent } from "../statistics.ts";
import { contentsOf, life, type Contents } from "./life.ts";
import { load } from "./many.ts";

const MIB = 2 ** 20;
const COUNTS = [1000, 10_000, 100_000];
const SIZES_MIB = [64, 512, 4096];
/** Ten times the work may take 12.6 times as long. */
const LINEAR = 1.1;

export const growth: Row = {
  name: "growth",
  budgetSeconds: 60,
  work:
    "How cost grows: add, commit, `git status`, push to a directory and clone, of more and more assets of 1 KiB, and of one file that does not compress and gets larger and larger. " +
    "The slope is the exponent e of cost ~ work^e between the last two, by CPU time: 0 does not grow, 1 grows as the work does.",
  diskBytes: 24e9,
  rounds: 1,
  async *cases(bench) {
    const loads = COUNTS.map((count) => load(bench, count, 1));
    yield { name: "assets of 1 KiB", reference: loads[0]!.count.toLocaleString("en-US"), variants: loads.map((assets) => variant(bench, assets.count.toLocaleString("en-US"), contentsOf(assets))) };
    const sizes = SIZES_MIB.map((size) => (bench.quick ? Math.ceil(size / 50) : size));
    yield { name: "one file", reference: `${sizes[0]} MiB`, variants: sizes.map((size) => variant(bench, `${size} MiB`, largeFile(size), removeTree)) };
  },
  goals: (cases) => cases.flatMap(slopes),
};

function variant(bench: Bench, name: string, contents: Contents, after?: (directory: string) => void): Variant {
  return { name, run: async (sample) => {
    const { sample: measured, repository } = await life(bench, "Ballast", contents);
    sample.include(measured);
    after?.(join(repository.path, ".."));
  } };
}

/** One file that does not compress, for `life`. */
function largeFile(mebibytes: number): Contents {
  return { name: `${mebibytes} MiB`, bytes: mebibytes * MIB, put: async (directory) => {
    mkdirSync(directory);
    await writeLargeFile(join(directory, "large.bin"), mebibytes * MIB);
  } };
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
