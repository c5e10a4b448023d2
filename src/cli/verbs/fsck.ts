import type { FsckResult } from "../../commands/fsck.ts";
import type { Finding, Repair } from "../../fsck/finding.ts";
import { BallastError, EXIT_STATUS } from "../../errors.ts";
import { count, formatBytes, formatPath, plainText } from "../../util/format.ts";
import { DRY_RUN, JSON_OPTION, verb, type Run } from "../verb.ts";

export const fsck = verb({
  command: "fsck",
  summary: "Check that the stores have what every ref needs, and that it is whole",
  declare: (argv) =>
    argv
      .option("local", { type: "boolean", default: false, description: "Only the local store" })
      .option("remote", { type: "boolean", default: false, description: "Only the remote store" })
      .option("quick", { type: "boolean", default: false, description: "Read listings alone, which is the default" })
      .option("deep", { type: "boolean", default: false, description: "Decode every object, and hold it against its name" })
      .option("repair", { type: "boolean", default: false, description: "Mend what can be mended; what is damaged is kept aside" })
      .option("from", { type: "string", array: true, nargs: 1, requiresArg: true, default: [] as string[], description: "With --repair: a further store to take from, such as a backup; it is only read" })
      .option("rebuild-manifest", { type: "boolean", default: false, description: "Bring back a manifest file that was lost or mangled" })
      .option("dry-run", { ...DRY_RUN, description: "With --rebuild-manifest: show what would be written" })
      .option("json", JSON_OPTION)
      .example("$0 fsck", "one listing of each store")
      .example("$0 fsck --deep --repair", "every byte; damaged objects are replaced where there is a good copy")
      .example("$0 fsck --repair --from s3://backup/game", "takes what no store here has from a backup")
      .epilogue("Exit status 1 when something is wrong at the end. Nothing is ever deleted: what is damaged goes to\nquarantine/ in the store that it was in. A bucket behind --from is opened with the settings of the\nremote store; what is different follows it: --from \"s3://backup/game region=eu-west-1 profile=backup\"."),
  async run({ local, remote, quick, deep, repair, from, rebuildManifest, dryRun, json }, run) {
    if (rebuildManifest) return rebuild({ dryRun, json, others: local || remote || quick || deep || repair || from.length > 0 }, run);
    if (local && remote) throw new BallastError("USAGE", "fsck takes --local or --remote, or none of them for both", { hint: "git ballast fsck" });
    if (quick && deep) throw new BallastError("USAGE", "fsck takes --quick or --deep, not both", { hint: "git ballast fsck --deep" });
    if (dryRun) throw new BallastError("USAGE", "--dry-run belongs to --rebuild-manifest; without --repair, fsck changes nothing", { hint: "git ballast fsck" });
    if (from.length > 0 && !repair) throw new BallastError("USAGE", "--from says what a repair takes from; without --repair, fsck takes nothing", { hint: "git ballast fsck --repair --from <store>" });
    const { fsck } = await import("../../commands/fsck.ts");
    const result = await fsck(await run.context(), { where: local ? "local" : remote ? "remote" : "both", deep, repair, from });
    if (json) run.out.json(result);
    else show(result, run);
    return result.findings.length > 0 ? EXIT_STATUS.FINDINGS : 0;
  },
});

function show({ checked, stores, needed, findings, mended, repairs }: FsckResult, { out, notes }: Run): void {
  for (const repair of repairs) out.line(plainText(repairLine(repair)));
  for (const finding of mended) out.line(plainText(`mended   ${findingText(finding)}`));
  for (const finding of findings) {
    out.line(plainText(`${finding.kind.padEnd(10)} ${findingText(finding)}`));
    for (const { path, commit } of finding.neededBy) out.line(`           needed by ${formatPath(path)}${commit === undefined ? "" : ` of commit ${commit.slice(0, 12)}`}`);
    out.line(plainText(`           ${finding.mend}`));
  }
  for (const { where, objects, bytes, archived, temporary, quarantine } of stores) {
    const more = [
      ...(archived > 0 ? [`${archived} in an archive`] : []),
      ...(temporary > 0 ? [`${count(temporary, "unfinished file")}`] : []),
      ...(quarantine.entries > 0 ? [`${quarantine.entries} in quarantine, ${formatBytes(quarantine.bytes)}`] : []),
    ];
    out.line(`${where.padEnd(7)} ${count(objects, "object")}, ${formatBytes(bytes)}${more.length > 0 ? `; ${more.join("; ")}` : ""}`);
  }
  const verdict = findings.length === 0 ? "nothing is wrong" : count(findings.length, "finding");
  out.line(`${count(needed, "content")} needed: ${verdict}${mended.length > 0 ? `, ${mended.length} mended` : ""}.`);
  if (checked === "quick" && findings.length === 0) notes(["this was told from listings; git ballast fsck --deep reads every byte"]);
}

function findingText({ store, key, oid, detail }: Finding): string {
  return `${store === "both" || store === "git" ? "" : `${store} `}${key ?? oid ?? ""}: ${detail}`;
}

function repairLine({ store, what, key, where }: Repair): string {
  if (what === "quarantined") return `aside    ${store} ${key}: kept as ${where}`;
  if (what === "renamed") return `renamed  ${store} ${key}: was ${where}`;
  const source = where === "worktree" ? "the worktree" : where === "local" || where === "remote" ? `the ${where} store` : where;
  return `restored ${store} ${key}: from ${source}`;
}

async function rebuild({ dryRun, json, others }: { dryRun: boolean; json: boolean; others: boolean }, run: Run): Promise<number> {
  if (others) throw new BallastError("USAGE", "--rebuild-manifest stands alone, or with --dry-run", { hint: "git ballast fsck --rebuild-manifest" });
  const { rebuildManifest } = await import("../../commands/rebuild-manifest.ts");
  const result = await rebuildManifest(await run.context(), { dryRun });
  if (json) {
    run.out.json(result);
    return 0;
  }
  if (!result.needed) run.out.line("The manifest can be read; nothing was done.");
  else run.out.line(`${dryRun ? "Would bring back" : "Brought back"} the manifest with ${count(result.assets, "asset")}, from ${plainText(result.source)}.`);
  run.notes(result.notes);
  return 0;
}
