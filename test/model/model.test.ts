import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { programs } from "../support/programs.ts";

/*
 * Goes through every state of the models of docs/cleanup.md with spin: the protocol holds, and with any step left out
 * or misplaced it does not. `BALLAST_MODEL=full` takes the larger bounds, for which there should be half an hour and 3 GiB.
 */
const run = promisify(execFile);
const HERE = dirname(fileURLToPath(import.meta.url));
const FULL = process.env["BALLAST_MODEL"] === "full";
const thorough = await programs("to check the models of the protocol", { spin: "spin", gcc: "gcc libc6-dev" });

/** Bounds, as flags. The mutants of a model need no more than those beside which they stand. */
const ONE = "-DPUSHES0=2 -DPUSHES1=0 -DRUNS0=2 -DRUNS1=0";
const TWO = "-DPUSHES0=1 -DPUSHES1=0 -DRUNS0=1 -DRUNS1=2";
/** Requests arrive late, too. */
const ONE_LATE = `${ONE} -DLATE`;
const TWO_LATE = `${TWO} -DLATE`;
const THREE = "-DPUSHES0=1 -DPUSHES1=0 -DRUNS0=1 -DRUNS1=1 -DRUNS2=1";

const HOLD: readonly (readonly [model: string, bounds: string])[] = [
  ["cleanup.pml", ONE],
  ["cleanup.pml", TWO],
  ["cleanup.pml", THREE],
  ["cleanup.pml", ONE_LATE],
  ["cleanup.pml", TWO_LATE],
  ["bases.pml", ""],
  ...(FULL
    ? ([
        ["cleanup.pml", "-DPUSHES0=1 -DPUSHES1=1 -DRUNS0=1 -DRUNS1=1"],
        ["cleanup.pml", "-DPUSHES0=2 -DPUSHES1=0 -DRUNS0=2 -DRUNS1=1"],
        ["cleanup.pml", "-DPUSHES0=1 -DPUSHES1=1 -DRUNS0=2 -DRUNS1=1"],
        ["cleanup.pml", "-DPUSHES0=2 -DPUSHES1=1 -DRUNS0=1 -DRUNS1=1"],
      ] as const)
    : []),
];

const MUTANTS: readonly (readonly [model: string, flag: string, bounds: string])[] = [
  ["cleanup.pml", "NO_CLAIM", ONE],
  ["cleanup.pml", "LATE_CLAIM", ONE],
  ["cleanup.pml", "NO_WAIT", ONE],
  ["cleanup.pml", "LOOK_FIRST", ONE],
  ["cleanup.pml", "NO_RENEWAL", ONE],
  ["cleanup.pml", "SAME_NAME", ONE],
  ["cleanup.pml", "NO_ANNOUNCEMENT", ONE],
  ["cleanup.pml", "LATE_ANNOUNCEMENT", ONE],
  ["cleanup.pml", "ONE_READING", TWO],
  ["cleanup.pml", "REFS_FIRST", TWO],
  ["cleanup.pml", "NO_DEADLINE", ONE],
  ["cleanup.pml", "EARLY_END", ONE],
  ["cleanup.pml", "IGNORE_OLD", ONE],
  ["cleanup.pml", "NO_LIVE_LIST", TWO],
  ["cleanup.pml", "FOLD_FIRST", TWO],
  ["cleanup.pml", "FORGET_NEWER", THREE],
  ["cleanup.pml", "EXPIRE_THEIRS", TWO],
  ["cleanup.pml", "LONG_PUSH", ONE],
  ["cleanup.pml", "NO_REMINDER", ONE_LATE],
  ["cleanup.pml", "ANY_TIME", ONE_LATE],
  ["bases.pml", "NO_CLAIM", ""],
  ["bases.pml", "CLAIM_X_ONLY", ""],
  ["bases.pml", "OLD_FIRST", ""],
  ["bases.pml", "LIST_FIRST", ""],
  ["bases.pml", "NO_CLOSURE", ""],
  ["bases.pml", "BASES_FIRST", ""],
];

interface Outcome {
  readonly errors: number;
  readonly states: number;
  /** Whether no state was left out for want of memory or depth. */
  readonly complete: boolean;
  readonly said: string;
}

async function check(model: string, flags: readonly string[], optimise: string): Promise<Outcome> {
  const directory = await mkdtemp(join(tmpdir(), "ballast-model-"));
  try {
    const { stdout: warnings } = await run("spin", ["-a", ...flags, join(HERE, model)], { cwd: directory });
    if (/error/i.test(warnings)) throw new Error(warnings);
    await run("gcc", [optimise, "-DSAFETY", "-DCOLLAPSE", "-DMEMLIM=3000", "-o", "pan", "pan.c"], { cwd: directory });
    const { stdout: said } = await run("./pan", ["-m1000000"], { cwd: directory, maxBuffer: 1 << 26 });
    const states = /([\d.e+]+) states, stored/.exec(said)?.[1];
    const errors = /errors: (\d+)/.exec(said)?.[1];
    return { errors: Number(errors), states: Number(states), complete: !/Search not completed|max search depth too small|out of memory/i.test(said), said };
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

const flagsOf = (bounds: string): string[] => bounds.split(" ").filter(Boolean);

describe.runIf(thorough)("the model of the protocol", () => {
  test.each(HOLD)("%s %s holds in every state", { timeout: FULL ? 3_600_000 : 300_000 }, async (model, bounds) => {
    const { errors, states, complete, said } = await check(model, flagsOf(bounds), "-O2");
    console.log(`${model} ${bounds}: ${states.toLocaleString("en")} states, no error`);
    expect(errors, said).toBe(0);
    expect(complete, said).toBe(true);
    expect(states).toBeGreaterThan(10_000);
  });

  test.each(MUTANTS)("%s fails with %s", { timeout: 300_000 }, async (model, flag, bounds) => {
    const { errors, states, said } = await check(model, [`-D${flag}`, ...flagsOf(bounds)], "-O0");
    console.log(`${model} -D${flag}: fails after ${states.toLocaleString("en")} states`);
    expect(errors, said).toBe(1);
    expect(said).toContain("assertion violated");
  });
});

test("docs/cleanup.md names each step that is left out, and each flag of the models is tried", async () => {
  const docs = await readFile(join(HERE, "../../docs/cleanup.md"), "utf8");
  for (const [, flag] of MUTANTS) expect(docs).toContain(`\`${flag}\``);
  for (const model of ["cleanup.pml", "bases.pml"]) {
    const source = await readFile(join(HERE, model), "utf8");
    const flags = new Set([...source.matchAll(/(?:#if(?:n?def)|#if|#elif|defined\()\s*\(?\s*([A-Z_]{4,})\b/g)].map(([, flag]) => flag!).filter((flag) => !/^(PUSHES|RUNS|LATE$)/.test(flag)));
    expect([...flags].sort()).toEqual(MUTANTS.filter(([of]) => of === model).map(([, flag]) => flag).sort());
  }
});
