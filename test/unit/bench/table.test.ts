import { describe, expect, it } from "vitest";
import type { RowResult, StepResult } from "../../bench/row.ts";
import { formatRow, formatTable, isMet, number } from "../../bench/table.ts";

const step = (median: number, ratio: number): StepResult => ({ wallSeconds: { median, min: median - 1, max: median + 1 }, cpuSeconds: { median: 1.5, min: 1, max: 2 }, peakBytes: 3 * 2 ** 20, ratio: { wall: ratio, cpu: 2 } });

const RESULT: RowResult = {
  row: "sort",
  work: "Sorts.",
  cases: [
    {
      name: "words",
      bytes: 10e6,
      reference: "ours",
      variants: [
        { name: "ours", rounds: 3, steps: { run: step(2, 1) }, figures: { stored: 1234567 }, items: { "1.0": { stored: 7, depth: 2 } } },
        { name: "theirs", rounds: 1, steps: {}, figures: {}, items: {} },
      ],
      absent: { others: "there is no other" },
    },
  ],
  goals: [
    { what: "small", value: 0.5, unit: "×", bound: { atMost: 1 } },
    { what: "fast", value: 0.5, unit: "MB/s", bound: { atLeast: 1 } },
  ],
  seconds: 7,
  budgetSeconds: 60,
  quick: false,
  thorough: false,
  machine: { cpu: "a CPU", cores: 2, memoryBytes: 2 ** 31, system: "linux", fileSystem: "ext4", date: "2026-01-01", load: [0.1, 1], versions: { git: "2.39.5", xdelta3: "absent" } },
};

describe("a row's results", () => {
  const lines = formatRow(RESULT).split("\n");

  it("have a line for each variant, with rates, ratios and spread where there were rounds", () => {
    expect(lines).toContain("|  | stored | run, s | MB/s | CPU s | time × | CPU × | MiB |");
    expect(lines).toContain("| ours | 1,234,567 | 2 (1–3) | 5 | 1.50 | 1 | 2 | 3 |");
    expect(lines).toContain("| theirs | – | – | – | – | – | – | – |");
  });

  it("name who was absent, what single items took, and whether goals were met", () => {
    expect(lines.join("\n")).toContain("others: there is no other.");
    expect(lines).toContain("|  | ours: stored | ours: depth |");
    expect(lines).toContain("| 1.0 | 7 | 2 |");
    expect(lines).toContain("| small | ≤ 1 × | 0.500 × | met |");
    expect(lines).toContain("| fast | ≥ 1 MB/s | 0.500 MB/s | **missed** |");
  });

  it("have steps below each other where there are many", () => {
    const [words] = RESULT.cases;
    const steps = Object.fromEntries(["a", "b", "c", "d"].map((name) => [name, step(2, 1)]));
    const long = formatRow({ ...RESULT, cases: [{ ...words!, variants: [{ ...words!.variants[0]!, steps }, words!.variants[1]!] }] }).split("\n");
    expect(long).toContain("|  | s | MB/s | CPU s | time × | CPU × | MiB |");
    expect(long.filter((line) => line.startsWith("| d: "))).toEqual(["| d: ours | 2 (1–3) | 5 | 1.50 | 1 | 2 | 3 |"]);
    expect(long).toContain("| ours | 1,234,567 |");
  });

  it("say how often each was measured, and when it was only a trial", () => {
    expect(lines.join("\n")).toContain("ours: measured 3 times. theirs: measured once. ×");
    expect(lines.join("\n")).not.toContain("trial");
    expect(formatRow({ ...RESULT, quick: true })).toContain("these figures say nothing");
  });

  it("say where they were measured", () => {
    expect(lines.at(-1)).toBe("Measured 2026-01-01 on 2 cores of a CPU, 2 GiB, linux, ext4; load average 0.1 before and 1 after; the row took 7 s of the 60 s that it may take. git 2.39.5; xdelta3 absent.");
  });
});

describe("a table", () => {
  it("puts columns of numbers to the right", () => {
    expect(formatTable(["who", "s", "why"], [["a", "1.5", "x"], ["b", "–", "2 y"]])).toBe("| who | s | why |\n|---|---:|---|\n| a | 1.5 | x |\n| b | – | 2 y |");
  });
});

describe("numbers", () => {
  it("have three digits that count, and integers all of theirs", () => {
    expect([0.012345, 0.5, 1.2345, 12.345, 123.45, 12345.6, 1234567, 0, undefined, NaN].map(number)).toEqual(["0.0123", "0.500", "1.23", "12.3", "123", "12,346", "1,234,567", "0", "–", "–"]);
  });
});

describe("a goal", () => {
  it("is met at its bound", () => {
    expect(isMet({ value: 2, bound: { atMost: 2 } })).toBe(true);
    expect(isMet({ value: 2.1, bound: { atMost: 2 } })).toBe(false);
    expect(isMet({ value: 2, bound: { atLeast: 2 } })).toBe(true);
    expect(isMet({ value: 1.9, bound: { atLeast: 2 } })).toBe(false);
  });
});
