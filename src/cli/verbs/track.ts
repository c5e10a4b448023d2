import { count, formatPath } from "../../util/format.ts";
import { changeLine } from "../lines.ts";
import { DRY_RUN, JSON_OPTION, verb } from "../verb.ts";

export const track = verb({
  command: "track [pattern..]",
  summary: "Track files, directories or patterns, and record what matches",
  declare: (argv) =>
    argv
      .positional("pattern", { type: "string", array: true, description: "A path, a directory, or a pattern as in .gitignore (quoted, so that the shell leaves it)" })
      .option("modified", { type: "boolean", default: false, description: "Record what changed among tracked assets; add no pattern" })
      .option("lockable", { type: "boolean", default: false, description: "Make what matches read-only on disk unless it is locked" })
      .option("not-lockable", { type: "boolean", default: false, description: "Take that back for the same pattern" })
      .option("push", { type: "boolean", default: false, description: "Upload what was recorded at once" })
      .option("dry-run", DRY_RUN)
      .option("json", JSON_OPTION)
      .example('$0 track "*.psd"', "every Photoshop file, wherever it is")
      .example("$0 track textures sounds/intro.wav", "a directory and a file")
      .example("$0 track --modified", "as git add does, for assets that changed"),
  async run({ pattern, modified, lockable, notLockable, push, dryRun, json }, run) {
    const { track } = await import("../../commands/track.ts");
    const result = await track(await run.context(), { patterns: pattern ?? [], modified, lockable, notLockable, push, dryRun });
    if (json) return run.out.json(result);
    for (const line of result.patterns) run.out.line(`pattern   ${line}`);
    for (const change of result.recorded) run.out.line(changeLine(change));
    for (const path of result.fromGit) run.out.line(`from Git  ${formatPath(path)}`);
    const what = result.recorded.length === 0 ? "Nothing to record." : `${count(result.recorded.length, "change")} ${dryRun ? "would be " : ""}recorded.`;
    run.out.line(result.recorded.length === 0 || dryRun ? what : `${what} Next: git add -A && git commit`);
    run.notes(result.notes);
  },
});
