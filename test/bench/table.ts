import type { CaseResult, Goal, RowResult, VariantResult } from "./row.ts";

/** Beyond these, steps stand below each other and not side by side. */
const MOST_STEPS = 3;

/** A row's results as Markdown. */
export function formatRow({ row, work, cases, goals, seconds, budgetSeconds, quick, machine }: RowResult): string {
  const { cpu, cores, memoryBytes, system, fileSystem, date, load, versions } = machine;
  const programs = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  return [
    `### ${row}`,
    work,
    ...(quick ? ["**A trial with a fiftieth of the work: these figures say nothing.**"] : []),
    ...cases.map(formatCase),
    ...(goals.length === 0 ? [] : [formatTable(["goal", "bound", "measured", ""], goals.map(goalCells))]),
    `Measured ${date} on ${cores} cores of ${cpu}, ${Math.round(memoryBytes / 2 ** 30)} GiB, ${system}, ${fileSystem}; load average ${load.join(" before and ")} after; the row took ${seconds} s of the ${budgetSeconds} s that it may take. ${programs.join("; ")}.`,
  ].join("\n\n");
}

/** A table in Markdown; numbers stand to the right. */
export function formatTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  const numeric = (column: number): boolean => column > 0 && rows.every((row) => /^([\d–(]|$)/.test(row[column] ?? ""));
  return [line(head), `|${head.map((_, i) => (numeric(i) ? "---:" : "---")).join("|")}|`, ...rows.map(line)].join("\n");
}

function formatCase(result: CaseResult): string {
  const { name, variants, absent, reference } = result;
  const steps = [...new Set(variants.flatMap((variant) => Object.keys(variant.steps)))];
  const figures = [...new Set(variants.flatMap((variant) => Object.keys(variant.figures)))];
  const columns = [...(result.bytes ? ["MB/s"] : []), "CPU s", "time ×", "CPU ×", "MiB"];
  const figureCells = (variant: VariantResult): string[] => figures.map((figure) => number(variant.figures[figure]));
  const tables =
    steps.length <= MOST_STEPS
      ? [formatTable(["", ...figures, ...steps.flatMap((step) => [`${step}, s`, ...columns])], variants.map((variant) => [variant.name, ...figureCells(variant), ...steps.flatMap((step) => stepCells(variant, step, result.bytes))]))]
      : [
          formatTable(["", "s", ...columns], steps.flatMap((step) => variants.filter((variant) => variant.steps[step]).map((variant) => [`${step}: ${variant.name}`, ...stepCells(variant, step, result.bytes)]))),
          ...(figures.length === 0 ? [] : [formatTable(["", ...figures], variants.map((variant) => [variant.name, ...figureCells(variant)]))]),
        ];
  const gone = Object.entries(absent).map(([variant, reason]) => `${variant}: ${reason}.`);
  const rounds = [...new Set(variants.map((variant) => variant.rounds))];
  const measured = rounds.length === 1 ? [`Measured ${times(rounds[0]!)}.`] : variants.map((variant) => `${variant.name}: measured ${times(variant.rounds)}.`);
  const notes = [...measured, `× is in ratio to “${reference}”.`, ...gone].join(" ");
  return [`**${name}**`, ...tables, notes, ...formatItems(variants)].join("\n\n");
}

function times(rounds: number): string {
  return rounds === 1 ? "once" : `${rounds} times`;
}

function stepCells({ steps, rounds }: VariantResult, name: string, bytes: number | undefined): string[] {
  const step = steps[name];
  if (step === undefined) return ["–", ...(bytes ? ["–"] : []), "–", "–", "–", "–"];
  const { wallSeconds, cpuSeconds, ratio, peakBytes } = step;
  const spread = rounds > 1 ? ` (${number(wallSeconds.min)}–${number(wallSeconds.max)})` : "";
  return [
    number(wallSeconds.median) + spread,
    ...(bytes ? [number(bytes / 1e6 / wallSeconds.median)] : []),
    number(cpuSeconds.median),
    number(ratio.wall),
    number(ratio.cpu),
    peakBytes === undefined ? "–" : String(Math.round(peakBytes / 2 ** 20)),
  ];
}

/** Figures of single items: an item a line, variants side by side. */
function formatItems(variants: readonly VariantResult[]): string[] {
  const items = [...new Set(variants.flatMap((variant) => Object.keys(variant.items)))];
  if (items.length === 0) return [];
  const columns = variants.flatMap((variant) => [...new Set(Object.values(variant.items).flatMap((item) => Object.keys(item)))].map((key) => ({ variant, key })));
  const head = ["", ...columns.map(({ variant, key }) => `${variant.name}: ${key}`)];
  const cell = (value: string | number | undefined): string => (typeof value === "number" ? number(value) : (value ?? "–"));
  return [formatTable(head, items.map((item) => [item, ...columns.map(({ variant, key }) => cell(variant.items[item]?.[key]))]))];
}

function goalCells({ what, value, unit, bound }: Goal): string[] {
  const [sign, limit] = "atMost" in bound ? ["≤", bound.atMost] : ["≥", bound.atLeast];
  return [what, `${sign} ${number(limit)} ${unit}`, `${number(value)} ${unit}`, isMet({ value, bound }) ? "met" : "**missed**"];
}

/** Whether a goal was reached. */
export function isMet({ value, bound }: Pick<Goal, "value" | "bound">): boolean {
  return "atMost" in bound ? value <= bound.atMost : value >= bound.atLeast;
}

/** Three digits that count, or all of an integer, in groups. */
export function number(value: number | undefined): string {
  if (value === undefined || !Number.isFinite(value)) return "–";
  if (Number.isInteger(value) || Math.abs(value) >= 1000) return Math.round(value).toLocaleString("en-US");
  return value.toFixed(Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value)))));
}
