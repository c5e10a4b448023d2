import { BallastError } from "../../errors.ts";
import { count, formatBytes } from "../../util/format.ts";
import { JSON_OPTION, verb, type Run } from "../verb.ts";

export const store = verb({
  command: "store [action] [store] [prefix]",
  summary: "Show the store, or move to another one: store show, store set <url>",
  declare: (argv) =>
    argv
      .positional("action", { choices: ["show", "set"] as const, default: "show" as const, description: "show, or set" })
      .positional("store", { type: "string", description: "For set: as for git ballast init" })
      .positional("prefix", { type: "string", description: "With a bucket's name: the prefix in it" })
      .option("json", JSON_OPTION)
      .example("$0 store show", "where the objects are, and how many there are")
      .example("$0 store set s3://team-assets/game", "copy every object there, then switch")
      .epilogue("set copies what the present store and the local store hold, and only then switches. When it\nwas ended before, run it again: it goes on. Options such as --endpoint describe the new store."),
  async run({ action, store, prefix, json }, run) {
    if (action === "show") return show(json, run, store);
    if (store === undefined) throw new BallastError("USAGE", "store set needs a store", { hint: "git ballast store set s3://bucket/prefix" });
    const { setStore } = await import("../../commands/store.ts");
    const { flags, env } = run;
    const result = await setStore(await run.context(), { words: prefix === undefined ? [store] : [store, prefix], flags, env });
    if (json) return run.out.json(result);
    run.out.line(`The store is now ${result.now}: ${count(result.copied, "object")} copied (${formatBytes(result.bytes)}), ${result.present} there already${result.locks.length > 0 ? `; ${count(result.locks.length, "lock")} carried over` : ""}.`);
    run.notes(result.notes);
  },
});

async function show(json: boolean, run: Run, extra: string | undefined): Promise<void> {
  if (extra !== undefined) throw new BallastError("USAGE", "store show takes no argument", { hint: `git ballast store set ${extra}` });
  const { showStore } = await import("../../commands/store.ts");
  const { flags, env } = run;
  const result = await showStore(await run.context(), { flags, env });
  if (json) return run.out.json(result);
  const { url, origin, pin, trusted, objects, bytes } = result;
  run.out.line(`store    ${url}  (${origin})`);
  run.out.line(`trusted  ${trusted ? "yes" : `no: this clone trusts ${pin ?? "none"}; git ballast trust`}`);
  if (objects !== undefined) run.out.line(`objects  ${objects}, ${formatBytes(bytes ?? 0)}`);
}
