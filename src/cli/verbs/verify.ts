import { EXIT_STATUS } from "../../errors.ts";
import { count, formatPath, plainText } from "../../util/format.ts";
import { JSON_OPTION, verb } from "../verb.ts";

export const verify = verb({
  command: "verify",
  summary: "Check that the store has what commits need, as a push does; for CI",
  declare: (argv) =>
    argv
      .option("revision", { type: "string", requiresArg: true, default: "HEAD", description: "The branch, tag or commit to check" })
      .option("base", { type: "string", requiresArg: true, description: "What this one leads to is not checked; default: all of the history is" })
      .option("json", JSON_OPTION)
      .example("$0 verify --base origin/main", "in a pull request's job")
      .epilogue("Exit status 1 when something is lacking, or when a manifest of the range cannot be read."),
  async run({ revision, base, json }, run) {
    const { verify } = await import("../../commands/verify.ts");
    const result = await verify(await run.context(), { revision, base });
    const { findings, commits, contents, notes } = result;
    const status = findings.length > 0 ? EXIT_STATUS.FINDINGS : 0;
    if (json) {
      run.out.json(result);
      return status;
    }
    for (const { kind, oid, key, detail, neededBy } of findings) {
      run.out.line(plainText(`${kind.padEnd(8)} ${oid ?? key ?? ""}: ${detail}`));
      for (const { path, commit } of neededBy) run.out.line(`         needed by ${formatPath(path)}${commit === undefined ? "" : ` of commit ${commit.slice(0, 12)}`}`);
    }
    run.out.line(`${count(commits, "commit")} with ${count(contents, "content")}: ${findings.length === 0 ? "the store has everything" : count(findings.length, "finding")}.`);
    run.notes(notes);
    return status;
  },
});
