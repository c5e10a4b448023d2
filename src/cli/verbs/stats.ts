import type { Figures, Line } from "../../transfer/statistics.ts";
import { count, formatBytes, formatPath } from "../../util/format.ts";
import { JSON_OPTION, verb } from "../verb.ts";

export const stats = verb({
  command: "stats [path..]",
  summary: "What all versions take, and what deduplication, gzip and deltas save",
  declare: (argv) =>
    argv
      .positional("path", { type: "string", array: true, description: "Assets, directories or patterns; default: all" })
      .option("remote", { type: "boolean", default: false, description: "Look into the remote store, not into those on this machine" })
      .option("long", { alias: "l", type: "boolean", default: false, description: "A line for each path, and sizes in bytes" })
      .option("json", JSON_OPTION)
      .example("$0 stats", "by extension, and in total")
      .example("$0 stats --long art", "each asset of a directory")
      .epilogue("Columns: versions in all commits on any ref, their bytes, what they take in the store, and\nwhat was saved because another version is the same, by gzip, and by deltas. In every line the\nbytes are what is taken, what is saved and, where the store lacks some, what is absent."),
  async run({ path, remote, long, json }, run) {
    const { stats } = await import("../../commands/stats.ts");
    const result = await stats(await run.context(), { paths: path ?? [], remote });
    if (json) return run.out.json(result);
    const lines: Line[] = long ? [...result.paths] : result.extensions.map((line) => ({ ...line, name: line.name || "(none)" }));
    for (const row of table(lines, result.total, long)) run.out.line(row);
    const { objects, bytes } = result.others;
    run.notes([`looked into ${result.stores.join(" and ")}`]);
    if (objects > 0) run.notes([`besides, ${count(objects, "object")} of ${formatBytes(bytes)} ${objects === 1 ? "holds" : "hold"} none of these versions`]);
  },
});

const COLUMNS: readonly { readonly title: string; readonly of: (figures: Figures) => number }[] = [
  { title: "bytes", of: ({ logicalBytes }) => logicalBytes },
  { title: "stored", of: ({ storedBytes }) => storedBytes },
  { title: "same", of: ({ saved }) => saved.dedup },
  { title: "gzip", of: ({ saved }) => saved.gzip },
  { title: "delta", of: ({ saved }) => saved.delta },
  { title: "absent", of: ({ absentBytes }) => absentBytes },
];

function table(lines: readonly Line[], total: Figures, exact: boolean): string[] {
  const columns = COLUMNS.filter(({ title }) => title !== "absent" || total.absentBytes > 0);
  const format = exact ? String : (bytes: number): string => (bytes < 0 ? `-${formatBytes(-bytes)}` : formatBytes(bytes));
  const rows = [
    ["versions", ...columns.map(({ title }) => title)],
    ...[...lines, total].map((figures) => [String(figures.versions), ...columns.map(({ of }) => format(of(figures)))]),
  ];
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const names = ["", ...lines.map(({ name }) => formatPath(name)), "total"];
  return rows.map((row, index) => `${row.map((cell, column) => cell.padStart(widths[column]!)).join("  ")}  ${names[index]}`.trimEnd());
}
