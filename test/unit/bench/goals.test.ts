import { expect, it } from "vitest";
import type { CaseResult, StepResult, VariantResult } from "../../bench/row.ts";
import { growth } from "../../bench/rows/growth.ts";
import { load, nameOf, timeGoals } from "../../bench/rows/many.ts";
import { scale } from "../../bench/rows/scale.ts";

const step = (median: number, wall: number): StepResult => ({ wallSeconds: { median, min: median, max: median }, cpuSeconds: { median, min: median, max: median }, ratio: { wall } });
const variant = (name: string, steps: Record<string, StepResult>): VariantResult => ({ name, rounds: 3, steps, figures: {}, items: {} });

/** Their medians differ from what most rounds say. */
const result = (reference: string, ours: number, theirs: number): CaseResult => ({
  name: "case",
  reference,
  variants: [variant("ours", { add: step(5, ours), status: step(1, 1) }), variant("theirs", { add: step(5, theirs) })],
  absent: {},
});

it("a goal compares what rounds say, whichever variant is the reference, for the steps that both have", () => {
  for (const [reference, ours, theirs] of [["ours", 1, 0.25], ["theirs", 4, 1]] as const) {
    expect(timeGoals(result(reference, ours, theirs), "ours", "theirs", 2)).toEqual([{ what: "case: add, ours in ratio to theirs", value: 4, unit: "×", bound: { atMost: 2 } }]);
  }
});

it("there is no goal against who is absent", () => {
  expect(timeGoals(result("ours", 1, 1), "ours", "others", 2)).toEqual([]);
});

it("the slope of growth is that between the last two, whatever the first took", () => {
  const variants = [variant("1,000", { push: step(3, 1) }), variant("10,000", { push: step(2, 1) }), variant("100,000", { push: step(200, 1) })];
  expect(growth.goals([{ name: "many", reference: "1,000", variants, absent: {} }])).toEqual([{ what: "many: slope of push", value: 2, unit: "", bound: { atMost: 1.1 } }]);
  const sizes = [variant("64 MiB", { push: step(3, 1) }), variant("512 MiB", { push: step(1, 1) }), variant("4096 MiB", { push: step(8, 1) })];
  expect(growth.goals([{ name: "one", reference: "64 MiB", variants: sizes, absent: {} }])[0]!.value).toBeCloseTo(1);
});

it("many assets have goals against git-lfs for what works on all of them, and in seconds for a switch", () => {
  const steps = { add: step(5, 1), "git status": step(5, 1), switch: step(0.4, 1) };
  const goals = scale.goals([{ name: "many", reference: "Ballast", variants: [variant("Ballast", steps), variant("git-lfs", { add: step(9, 4), "git status": step(9, 4), switch: step(9, 4) })], absent: {} }]);
  expect(goals).toEqual([
    { what: "many: add, Ballast in ratio to git-lfs", value: 0.25, unit: "×", bound: { atMost: 0.5 } },
    { what: "many: switch", value: 0.4, unit: "s", bound: { atMost: 0.5 } },
  ]);
});

it("a trial has a fiftieth of the assets", () => {
  const bench = (quick: boolean): Parameters<typeof load>[0] => ({ quick }) as Parameters<typeof load>[0];
  expect([false, true].map((quick) => nameOf(load(bench(quick), 10_000, 16)))).toEqual(["10,000 × 16 KiB", "200 × 16 KiB"]);
});
