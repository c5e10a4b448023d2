import { DEFAULTS, type S3Settings } from "../../../src/config/settings.ts";
import type { Context } from "../../../src/context.ts";
import { cleanStore } from "../../../src/commands/cleanup.ts";
import { policyOf } from "../../../src/delta/plan.ts";
import { BallastError } from "../../../src/errors.ts";
import { silent } from "../../../src/events.ts";
import { thisRun, type ThisRun } from "../../../src/gc/this-run.ts";
import type { Oid } from "../../../src/object/oid.ts";
import { openStore } from "../../../src/store/open.ts";
import type { Store } from "../../../src/store/port.ts";
import { downloadFrom } from "../../../src/transfer/download.ts";
import { rewrite } from "../../../src/transfer/repack/rewrite.ts";
import { inOrder } from "../../../src/transfer/repack/versions.ts";
import { uploadTo } from "../../../src/transfer/upload.ts";
import type { Contents } from "../interleaving/contents.ts";
import { localStoreOf, memoryWorkshop } from "../interleaving/parts.ts";

/*
 * One process that pushes, clones, cleans up or repacks as it is told: `child.js <store URL> <S3 settings as JSON> [blind]`. The store is
 * real; refs are kept by the parent, which is asked for them and told what is published. Encoded objects come with the order.
 * A blind one sees no claims of pushes when it cleans up.
 */
export interface Order {
  readonly id: number;
  readonly do: "push" | "clone" | "clean" | "repack";
  readonly oids: readonly Oid[];
  /** Objects by name in base64: the contents, and the deltas between them, as `<oid> <base>`. */
  readonly encoded: Readonly<Record<string, string>>;
  /** Deltas, for a repack; that everything goes at once, for a cleanup. */
  readonly flag: boolean;
}
export type Said = { readonly id: number; readonly outcome: string; readonly removed?: number; readonly waited?: number } | { readonly ask: "needs"; readonly id: number } | { readonly ask: "publish"; readonly id: number };
export type Told = Order | { readonly answer: readonly Oid[] };

const REPOSITORY = { id: "0".repeat(32), label: "example.com/game" };
/** How often a clone is tried. */
const CLONES = 3;
/** How often a push looks whether a cleanup has ended. */
const PATIENCE = 8;
const [url, s3, blind] = process.argv.slice(2) as [string, string, string | undefined];
const store = await openStore(url, { ...DEFAULTS, s3: JSON.parse(s3) as S3Settings }, silent, { commonDir: "/nowhere" });
const { signal } = new AbortController();
const context = { settings: { ...DEFAULTS, concurrency: 2 }, report: silent, signal } as unknown as Context;
let answered: ((oids: readonly Oid[]) => void) | undefined;

process.on("message", async (told: Told) => {
  if ("answer" in told) return answered?.(told.answer);
  let waited = 0;
  const run: ThisRun = {
    ...thisRun(),
    pause: async () => {
      if (++waited > PATIENCE) throw new BallastError("LOCKED", "waited for long enough");
      await new Promise((resolve) => setTimeout(resolve, 50));
    },
  };
  try {
    say({ id: told.id, outcome: "done", removed: await ACTS[told.do](told, run), waited });
  } catch (error) {
    say({ id: told.id, outcome: error instanceof BallastError ? error.code : String((error as Error).stack), waited });
  }
});
process.on("disconnect", () => process.exit(0));
say({ id: 0, outcome: "ready" });

const ACTS: Readonly<Record<Order["do"], (order: Order, run: ThisRun) => Promise<number>>> = {
  push: async (order, run) => {
    const contents = contentsOf(order);
    const wanted = order.oids.map((oid) => ({ oid, path: "a", sizeBytes: contents.bytesOf(oid).length }));
    await uploadTo(context, { local: localStoreOf(contents, Math.random), remote: store }, wanted, { run, repository: REPOSITORY });
    // Git takes its time after the hook; more of it where harm is to be found soon.
    await new Promise((resolve) => setTimeout(resolve, Math.random() * (blind ? 300 : 60)));
    await ask("publish", order.id);
    return 0;
  },
  // What is published can be had while it is: what is missing was needed no more, or is there for a clone that comes after.
  clone: async (order) => {
    const contents = contentsOf(order);
    const local = localStoreOf(undefined, Math.random);
    let lacking = new Set(await ask("needs", order.id));
    for (let tries = 1; lacking.size > 0; tries++) {
      const wanted = [...lacking].map((oid) => ({ oid, path: "a", sizeBytes: contents.bytesOf(oid).length }));
      const { missing, failure } = await downloadFrom(context, { local, remote: store }, wanted);
      const needed = new Set(await ask("needs", order.id));
      lacking = new Set(missing.map(({ oid }) => oid).filter((oid) => needed.has(oid)));
      if (tries === CLONES && lacking.size > 0) throw new Error(`a clone lacks ${[...lacking].join(", ")}: ${failure?.message ?? "it is in no store"}`);
    }
    return 0;
  },
  clean: async ({ id, flag }, run) => {
    const knowledge = { requireWhole: async () => {}, speaksFor: async () => ({ own: [REPOSITORY], listed: [REPOSITORY] }), needs: async () => new Set(await ask("needs", id)), lastUses: async () => new Map() };
    const { dead } = await cleanStore(context, blind ? blinded(store) : store, { dryRun: false, olderThanMs: 0, delayMs: 0, now: flag, confirm: async () => true }, { knowledge, run });
    return dead.filter(({ state }) => state === "removed").length;
  },
  repack: async (order, run) => {
    const contents = contentsOf(order);
    const versions = inOrder(order.oids.map((oid, i) => ({ oid, path: "a", commit: String(i), sizeBytes: contents.bytesOf(oid).length })), () => true);
    const rules = { compression: { mode: "never", level: 6, engine: "zlib" }, policy: policyOf({ maxRatio: 0.5, maxDepth: 16 }), mayDelta: () => order.flag } as const;
    return (await rewrite(store, versions, { rules, repository: REPOSITORY, openWorkshop: async () => memoryWorkshop(contents, store), dryRun: false, run, concurrency: 2, report: silent, signal })).rewritten;
  },
};

function blinded(it: Store): Store {
  return {
    url: it.url,
    find: (oids) => it.find(oids),
    async *list(prefix) {
      for await (const entry of it.list(prefix)) if (!entry.key.includes("/push-")) yield entry;
    },
    read: (...args) => it.read(...args),
    write: (...args) => it.write(...args),
    replace: (...args) => it.replace(...args),
    remove: (...args) => it.remove(...args),
    close: () => {},
  };
}

function contentsOf({ oids, encoded }: Order): Contents {
  const at = (name: string): Buffer => Buffer.from(encoded[name]!, "base64");
  return { oids, bytesOf: at, encoded: ({ oid, base }) => at(base === undefined ? oid : `${oid} ${base}`) };
}

function ask(what: "needs" | "publish", id: number): Promise<readonly Oid[]> {
  return new Promise((resolve) => {
    answered = resolve;
    say({ ask: what, id });
  });
}

function say(said: Said): void {
  // The test may have ended meanwhile.
  if (process.connected) process.send!(said, undefined, undefined, () => {});
}
