import { expect, it } from "vitest";
import type { CaseResult, StepResult, VariantResult } from "../../bench/row.ts";
import { timeGoals } from "../../bench/rows/many.ts";

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
