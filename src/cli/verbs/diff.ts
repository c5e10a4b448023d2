import type { Difference, Version } from "../../commands/diff.ts";
import { formatBytes, formatPath } from "../../util/format.ts";
import { encodingWords } from "../lines.ts";
import { JSON_OPTION, verb } from "../verb.ts";

export const diff = verb({
  command: "diff [args..]",
  usage: "diff [revision [revision]] [--] [path…] [options]",
  summary: "Which assets differ between the worktree, what is staged and revisions",
  declare: (argv) =>
    argv
      .positional("args", { type: "string", array: true, description: "Up to two revisions (or a..b, a...b), then paths, as git diff takes them" })
      .option("staged", { alias: "cached", type: "boolean", default: false, description: "Compare what is staged, with HEAD or the revision" })
      .option("name-only", { type: "boolean", default: false, description: "Paths only" })
      .option("z", { type: "boolean", default: false, description: "As --name-only, with NUL at the end of a path and no quoting" })
      .option("exit-code", { type: "boolean", default: false, description: "Exit with 1 when something differs" })
      .option("json", JSON_OPTION)
      .example("$0 diff", "what git add -A would record")
      .example("$0 diff main HEAD -- art", "what a branch changes in one directory")
      .epilogue("On a line: what happened (added, removed, modified, renamed, mode, conflict), path, size,\noid, and how a store on this machine holds it (raw, gzip, or delta and how many deltas\nrestoring it applies; - for none)."),
  async run({ args, staged, nameOnly, z, exitCode, json, _ }, run) {
    const { diff } = await import("../../commands/diff.ts");
    const [, ...behind] = _ as string[];
    const words = args ?? [];
    const found = await diff(await run.context(), {
      before: words.slice(0, words.length - behind.length),
      behind: behind.length > 0 ? behind : undefined,
      staged,
    });
    if (json) run.out.json(found);
    else if (z) run.out.write(found.map(({ path }) => `${path}\0`).join(""));
    else run.out.lines(function* () {
      for (const one of found) yield nameOnly ? formatPath(one.path) : line(one);
    }());
    return exitCode && found.length > 0 ? 1 : 0;
  },
});

/** `modified  art/hero.psd  3.1 MiB → 3.4 MiB  1a2b3c4d5e6f → 6f5e4d3c2b1a  gzip → delta 1`. */
function line({ kind, path, from, old, new: now }: Difference): string {
  const name = from === undefined ? formatPath(path) : `${formatPath(from)} → ${formatPath(path)}`;
  const columns = [(v: Version) => formatBytes(v.sizeBytes), (v: Version) => v.oid.slice(0, 12), (v: Version) => encodingWords(v.stored)];
  const cells = columns.map((of) => {
    const [before, after] = [old && of(old), now && of(now)];
    if (kind === "conflict") return `${before ?? "removed"} | ${after ?? "removed"}`;
    return before === undefined || after === undefined || before === after ? (after ?? before) : `${before} → ${after}`;
  });
  const mode = old && now && old.exec !== now.exec ? [now.exec ? "now executable" : "no longer executable"] : [];
  return [kind.padEnd(8), name, ...cells, ...mode].join("  ");
}
