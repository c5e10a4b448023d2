import type { LogEntry } from "../../commands/log.ts";
import { BallastError } from "../../errors.ts";
import { formatBytes, formatPath, plainText } from "../../util/format.ts";
import { encodingWords } from "../lines.ts";
import { JSON_OPTION, verb } from "../verb.ts";

export const log = verb({
  // Many, so that one may stand behind `--`.
  command: "log [path..]",
  usage: "log [options] [--] <path>",
  summary: "Every version of an asset: commit, date, author, size, oid, where and how it is stored",
  declare: (argv) =>
    argv
      .positional("path", { type: "string", array: true, default: [] as string[], description: "An asset, also one that is no longer there" })
      .option("revision", { type: "string", requiresArg: true, description: "From this commit back; default: HEAD" })
      .option("all", { type: "boolean", default: false, description: "From every ref back" })
      .option("max-count", { alias: "n", type: "string", requiresArg: true, description: "At most so many versions" })
      .option("long", { alias: "l", type: "boolean", default: false, description: "Whole ids and dates, and sizes in bytes" })
      .option("json", JSON_OPTION)
      .example("$0 log art/hero.psd", "then: git ballast checkout --from <commit> art/hero.psd")
      .epilogue("Renames are followed where the content stayed the same. On a line: commit, date, author,\nwhat happened, size, oid, where it is (local, remote, or both) and how a store on this machine\nholds it, and the commit's subject. Needs no network: what a bucket has is told from what\nremote-tracking branches have, since a push uploads first."),
  async run({ path: paths, revision, all, maxCount, long, json }, run) {
    const [path, ...more] = paths;
    if (path === undefined || more.length > 0) {
      throw new BallastError("USAGE", path === undefined ? "an argument is missing" : `log takes one asset, not ${paths.length}`, { hint: "git ballast log --revision <commit> <path>" });
    }
    const { log } = await import("../../commands/log.ts");
    const entries = await log(await run.context(), { path, revision, all, max: parseCount(maxCount) });
    if (json) return run.out.json(entries);
    for (const entry of entries) run.out.line(line(entry, long));
  },
});

function parseCount(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new BallastError("USAGE", `--max-count must be a whole number, not ${JSON.stringify(text)}`);
}

function line(entry: LogEntry, long: boolean): string {
  const { commit, date, author, kind, path, from, oid, sizeBytes, stored, local, remote, subject } = entry;
  const words = [long ? commit : commit.slice(0, 10), long ? date : date.slice(0, 10), plainText(author), from === undefined ? kind : `${kind} ${formatPath(from)} → ${formatPath(path)}`];
  if (oid !== undefined && sizeBytes !== undefined) {
    const where = [local ? "local" : "", remote ? "remote" : ""].filter(Boolean).join("+") || "nowhere here";
    words.push(long ? String(sizeBytes) : formatBytes(sizeBytes), long ? oid : oid.slice(0, 12), where, encodingWords(stored));
  }
  return [...words, plainText(subject)].join("  ");
}
