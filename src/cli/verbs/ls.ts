import { formatBytes, formatPath } from "../../util/format.ts";
import { encodingWords } from "../lines.ts";
import { JSON_OPTION, verb } from "../verb.ts";

export const ls = verb({
  command: "ls [path..]",
  aliases: ["ls-files"],
  summary: "List the tracked assets: size, oid, how they are stored",
  declare: (argv) =>
    argv
      .positional("path", { type: "string", array: true, description: "Assets, directories or patterns; default: all" })
      .option("long", { alias: "l", type: "boolean", default: false, description: "Whole oids and sizes in bytes" })
      .option("name-only", { type: "boolean", default: false, description: "Paths only" })
      .option("z", { type: "boolean", default: false, description: "NUL ends an entry, and paths are not quoted" })
      .option("json", JSON_OPTION)
      .example("$0 ls textures", "the assets in one directory")
      .example("$0 ls --name-only -z | xargs -0 du -ch", "for another program")
      .epilogue("Columns: oid, size, how the local store holds it (raw, gzip, or delta and how many deltas\nrestoring it applies; - when only the remote store may), x for executable, and the path; a path in (brackets) is not on disk."),
  async run({ path, long, nameOnly, z, json }, run) {
    const { ls } = await import("../../commands/ls.ts");
    const assets = await ls(await run.context(), { paths: path ?? [] });
    if (json) return run.out.json(assets);
    const end = z ? "\0" : "\n";
    const lines = assets.map(({ path, sizeBytes, oid, exec, present, stored }) => {
      const name = z ? path : formatPath(path);
      if (nameOnly) return name + end;
      const size = long ? String(sizeBytes) : formatBytes(sizeBytes);
      const how = encodingWords(stored);
      return `${long ? oid : oid.slice(0, 12)} ${size.padStart(long ? 13 : 8)} ${how.padEnd(10)} ${exec ? "x" : "-"} ${present || z ? name : `(${name})`}${end}`;
    });
    run.out.write(lines.join(""));
  },
});
