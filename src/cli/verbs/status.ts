import type { Status } from "../../commands/status.ts";
import { count, formatBytes } from "../../util/format.ts";
import { porcelainLines, statusLines } from "../lines.ts";
import { JSON_OPTION, verb, type Run } from "../verb.ts";

export const status = verb({
  command: "status",
  summary: "What is modified, new, deleted, missing, in conflict or not pushed",
  declare: (argv) =>
    argv
      .option("porcelain", { type: "boolean", default: false, description: "Stable lines for programs: two letters, a blank, the path" })
      .option("z", { type: "boolean", default: false, description: "As --porcelain, with NUL at the end of an entry and paths not quoted" })
      .option("exit-code", { type: "boolean", default: false, description: "Exit with 1 when there is anything to show" })
      .option("json", JSON_OPTION)
      .epilogue(LETTERS),
  async run({ porcelain, z, exitCode, json }, run) {
    const { status } = await import("../../commands/status.ts");
    const result = await status(await run.context());
    if (json) run.out.json(result);
    else if (porcelain || z) run.out.write(porcelainLines(result, z));
    else show(result, run);
    return exitCode && result.entries.length > 0 ? 1 : 0;
  },
});

const LETTERS = `Letters of --porcelain: the first is what is staged, the second what is not.
  A new  M modified  D deleted  R renamed  S stale  X missing  U conflict
  T something else in its place  P (first) committed here and not pushed
A renamed asset is "R  old -> new"; with -z the new path comes first.`;

function show({ branch, entries, unpushed, notes }: Status, { out, style, notes: say }: Run): void {
  out.line(branch === undefined ? "HEAD detached" : `On branch ${branch}`);
  const groups: [string, Status["entries"]][] = [
    ["Changes to be committed:", entries.filter(({ staged }) => staged)],
    ["Changes not staged (git add -A stages them):", entries.filter(({ staged, state }) => !staged && CHANGES.has(state))],
    ["Not as the manifest says:", entries.filter(({ staged, state }) => !staged && !CHANGES.has(state))],
  ];
  for (const [title, group] of groups) {
    if (group.length === 0) continue;
    out.line(`\n${style.strong(title)}`);
    for (const line of statusLines(group, title.startsWith("Not"))) out.line(`  ${line}`);
  }
  if (entries.length === 0) out.line("Nothing to commit: every asset is as the manifest says.");
  if (unpushed && unpushed.length > 0) {
    const bytes = unpushed.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    out.line(`\nNot pushed yet: ${count(unpushed.length, "asset")}, ${formatBytes(bytes)} (git push uploads them).`);
  }
  say(notes);
}

const CHANGES = new Set(["new", "modified", "deleted", "renamed"]);
