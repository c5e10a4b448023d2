import { CLAIM_MS } from "../../../src/cleanup/fold.ts";
import type { Knowledge } from "../../../src/cleanup/knowledge.ts";
import { cleanStore } from "../../../src/commands/cleanup.ts";
import { policyOf } from "../../../src/delta/plan.ts";
import { isBallastError } from "../../../src/errors.ts";
import type { ThisRun } from "../../../src/gc/this-run.ts";
import type { Store } from "../../../src/store/port.ts";
import { downloadFrom } from "../../../src/transfer/download.ts";
import { rewrite } from "../../../src/transfer/repack/rewrite.ts";
import { inOrder } from "../../../src/transfer/repack/versions.ts";
import { uploadTo } from "../../../src/transfer/upload.ts";
import { oneOf } from "../chance.ts";
import { knowledgeFor, localStoreOf, memoryWorkshop } from "./parts.ts";
import type { Actor } from "./scheduler.ts";
import type { Tip, World } from "./world.ts";

/** What an actor does things with; a step of the protocol is left out or misplaced by giving it something else. */
export interface Means {
  readonly store: Store;
  readonly run: ThisRun;
  readonly knowledge: Knowledge;
}

const WEEK_MS = 8 * 24 * 3600 * 1000;

export type Kind = "pusher" | "cleaner" | "repacker" | "reader";

/** Another way to reach the store, or to know what is needed, for those of a kind. */
export type Mutant = (kind: Kind, means: Means, world: World, actor: Actor) => Partial<Means>;

export const none: Mutant = () => ({});

/** Lets one act, so many times; what goes wrong in one act does not keep from the next. */
export async function perform(world: World, actor: Actor, kind: Kind, repository: string, times: number, mutant: Mutant): Promise<void> {
  for (let i = 0; i < times; i++) {
    if (i > 0 && world.scheduler.random() < 0.2) await world.scheduler.moment(actor, "a week goes by", () => void (world.scheduler.nowMs += WEEK_MS));
    const means: Means = { store: world.storeOf(actor), run: world.runOf(actor), knowledge: knowledgeFor(world, actor, repository) };
    try {
      await ACTS[kind](world, actor, repository, { ...means, ...mutant(kind, means, world, actor) });
    } catch (error) {
      if (!isBallastError(error, "STORE_UNREACHABLE", "LOCKED", "STORE_BUSY", "STORE_DENIED", "OBJECT_MISSING")) throw error;
      world.counts.failed += 1;
      world.scheduler.trace.push(`${actor.name} gives up: ${error.message}`);
    }
  }
}

const ACTS: Readonly<Record<Kind, (world: World, actor: Actor, repository: string, means: Means) => Promise<void>>> = { pusher: push, cleaner: clean, repacker: repackAll, reader: read };

/** A push of one branch, as hook and Git make it: what is new over the value that the branch had, and only while it still has it. */
async function push(world: World, actor: Actor, repository: string, { store, run }: Means): Promise<void> {
  const { scheduler, refs, counts } = world;
  const { random } = scheduler;
  const ref = `${repository}/${oneOf(random, ["main", actor.name])}`;
  const before = await scheduler.moment(actor, `sees ${ref}`, () => refs.get(ref));
  const grows = random() < 0.5;
  const oids = some(world.contents.oids, random);
  const needs = oids.filter((oid) => !(grows && before?.needs.has(oid)));
  const claims = { written: 0, lastMs: Infinity };
  const noting: Store = {
    ...store,
    replace: async (key, content, signal) => {
      await store.replace(key, content, signal);
      if (key.startsWith("gc/claims/")) {
        claims.written += 1;
        claims.lastMs = scheduler.nowMs;
      }
    },
  };
  const wanted = needs.map((oid) => ({ oid, path: "a", sizeBytes: world.contents.bytesOf(oid).length }));
  if (wanted.length > 0) await uploadTo(world.context, { local: localStoreOf(world.contents, random), remote: noting }, wanted, { run, repository: { id: idOf(repository), label: repository } });
  if (claims.written > 2) counts.again += 1;
  await scheduler.moment(actor, `publishes ${ref}`, () => {
    if (refs.get(ref) !== before) return (counts.refused += 1);
    // The first assumption of docs/cleanup.md.
    if (scheduler.nowMs - claims.lastMs > CLAIM_MS) return (counts.abandoned += 1);
    refs.set(ref, { needs: new Set([...oids, ...(grows ? (before?.needs ?? []) : [])]) });
    world.requireAll();
    return (counts.published += 1);
  });
  if (random() < 0.6) {
    await scheduler.moment(actor, `deletes ${ref}`, () => refs.delete(ref));
  }
}

async function clean(world: World, actor: Actor, _repository: string, { store, run, knowledge }: Means): Promise<void> {
  const { random } = world.scheduler;
  const confirm = async (): Promise<boolean> => {
    // Somebody is asked, and may have gone to lunch.
    await world.scheduler.dawdle(actor);
    return true;
  };
  await cleanStore(world.context, store, { dryRun: false, olderThanMs: 0, delayMs: 0, now: random() < 0.7, confirm }, { knowledge, run });
}

/** Repacks what this repository's history has, as far as it was ever fetched: that may be dead by now. */
async function repackAll(world: World, actor: Actor, repository: string, { store, run }: Means): Promise<void> {
  const { random } = world.scheduler;
  const oids = some(world.contents.oids, random);
  const versions = inOrder(oids.map((oid, i) => ({ oid, path: "a", commit: String(i), sizeBytes: world.contents.bytesOf(oid).length })), () => true);
  const deltas = random() < 0.7;
  const rules = { compression: { mode: "never", level: 6, engine: "zlib" }, policy: policyOf({ maxRatio: 0.5, maxDepth: 16 }), mayDelta: () => deltas } as const;
  const { context } = world;
  const openWorkshop = async (): Promise<ReturnType<typeof memoryWorkshop>> => memoryWorkshop(world.contents, store);
  const repacked = await rewrite(store, versions, { rules, repository: { id: idOf(`clone of ${actor.name} of ${repository}`), label: "clone" }, openWorkshop, dryRun: false, run, concurrency: 2, report: context.report, signal: context.signal });
  world.counts.rewritten += repacked.rewritten;
}

/** A clone or a fetch: what a branch needs can be had as long as the branch is there. */
async function read(world: World, actor: Actor, _repository: string, { store }: Means): Promise<void> {
  const { scheduler, refs, counts } = world;
  const [ref, tip] = await scheduler.moment(actor, "sees a branch", (): [string, Tip | undefined] => {
    const name = oneOf(scheduler.random, [...refs.keys(), "none"]);
    return [name, refs.get(name)];
  });
  if (!tip) return;
  const wanted = [...tip.needs].map((oid) => ({ oid, path: "a", sizeBytes: world.contents.bytesOf(oid).length }));
  const { missing, failure } = await downloadFrom(world.context, { local: localStoreOf(undefined, scheduler.random), remote: store }, wanted);
  if (failure) return;
  if (missing.length === 0) counts.fetched += 1;
  else if (refs.get(ref) === tip) counts.unlucky += 1;
}

/** Some of `items`, at least one, in any order. */
export function some<T>(items: readonly T[], random: () => number): T[] {
  const shuffled = items.map((item) => ({ item, at: random() })).sort((a, b) => a.at - b.at);
  return shuffled.slice(0, 1 + Math.floor(random() * items.length)).map(({ item }) => item);
}

/** The id of a repository by its name. */
export function idOf(name: string): string {
  return Buffer.from(name).toString("hex").padEnd(32, "0").slice(-32);
}
