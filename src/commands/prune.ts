import type { Context } from "../context.ts";
import { readMarks } from "../gc/collect.ts";
import { thisRun } from "../gc/this-run.ts";
import type { Oid } from "../object/oid.ts";
import { noteCheckouts } from "../prune/last-use.ts";
import { planPrune, type Cached, type Facts, type KeepReason, type PrunePlan } from "../prune/plan.ts";
import { pruneSharedCache } from "../prune/shared-cache.ts";
import { presentRemotely, whyNoSecondCopy } from "../prune/remote.ts";
import { pushedOf, withRefs, type Pushed } from "../prune/pushed.ts";
import type { DirectoryStore } from "../store/directory.ts";
import { listObjects } from "../store/list-objects.ts";
import { openRemoteStore } from "../store/open.ts";
import type { StoredObject } from "../store/port.ts";
import { openSharedCache } from "../store/shared-cache.ts";
import { localStore } from "../transfer/local.ts";
import { takeRemoval, type Removal } from "../transfer/removal.ts";
import { thisProcess } from "../transfer/this-process.ts";
import { collectGarbage } from "../util/collect-garbage.ts";

export interface PruneOptions {
  readonly dryRun: boolean;
  /** What was of use for so long back stays; default: `cache.recent`, or, where there is a limit, no bound by age. */
  readonly recentMs?: number | undefined;
  /**
   * Who is asked, rather than believe what was known at the last fetch: Git's remotes, of which branches they have, and the
   * remote store, of what it has; or the store alone; or nobody.
   */
  readonly ask: "all" | "store" | "nobody";
}

export interface PruneResult {
  readonly evicted: readonly { readonly oid: Oid; readonly storedBytes: number; readonly lastUseMs: number | undefined }[];
  readonly evictedBytes: number;
  /** What stays, and why. */
  readonly kept: readonly { readonly reason: KeepReason; readonly contents: number; readonly bytes: number }[];
  /** What the local store holds at the end. */
  readonly leftBytes: number;
  /** The shared cache, where there is one. */
  readonly cache: { readonly dir: string; readonly evicted: number; readonly evictedBytes: number; readonly leftBytes: number } | undefined;
  readonly notes: readonly string[];
}

/**
 * Evicts from the local store what the remote store has and what is not needed soon (docs/fsck.md). Nothing that is not
 * pushed goes, nor anything that an object which stays is a difference from. The shared cache is held to the same limits.
 * @throws GIT_FAILED when a remote cannot be fetched; MANIFEST_INVALID, MANIFEST_VERSION, PATH_REFUSED naming the
 *   commit; LOCKED while another run removes objects; what the stores throw
 */
export async function prune(context: Context, options: PruneOptions): Promise<PruneResult> {
  const { settings, signal } = context;
  const local = await localStore(context);
  const limits = { recentMs: options.recentMs ?? (settings.cache.limitBytes === undefined ? settings.cache.recentMs : undefined), limitBytes: settings.cache.limitBytes };
  const removal = options.dryRun ? undefined : await takeRemoval(local, { ...thisProcess("prune"), concurrency: settings.concurrency, signal });
  try {
    const objects = await listObjects(local, signal);
    collectGarbage(objects.length);
    const { known, notes } = await factsOf(context, local, objects, options);
    collectGarbage(objects.length);
    const plan = planPrune(known, limits);
    const waves = removal ? await evict(local, plan, removal, signal) : plan.waves;
    const cache = await pruneSharedCache(context, limits, { dryRun: options.dryRun, nowMs: known.nowMs });
    return { ...resultOf(plan, waves, known, [...notes, ...remarks(plan, limits.limitBytes)]), cache };
  } finally {
    await removal?.release();
  }
}

/**
 * {@link prune} where more is held than `cache.limit` allows; else nothing is done. Git's remotes are not fetched: nobody expects
 * remote-tracking refs to move by themselves. What the remote store has marked as dead counts as absent there instead.
 */
export async function pruneToLimit(context: Context): Promise<PruneResult | undefined> {
  const { settings, signal } = context;
  const { limitBytes } = settings.cache;
  if (limitBytes === undefined) return undefined;
  const held = [await localStore(context), await openSharedCache(context)];
  for (const store of held) if (store && sizeOf(await listObjects(store, signal)) > limitBytes) return prune(context, { dryRun: false, ask: "store" });
  return undefined;
}

async function factsOf(context: Context, local: DirectoryStore, objects: readonly StoredObject[], { ask }: PruneOptions): Promise<{ known: Facts; notes: string[] }> {
  const { repository, settings, signal } = context;
  const remote = await openRemoteStore(context);
  try {
    const reason = await whyNoSecondCopy(repository, local, remote);
    const held = new Map(objects.map(({ name: { oid } }) => [oid, oid]));
    const pushed = reason === undefined ? await withRefs(context, ask === "all", () => pushedOf(repository, held, signal)) : NOTHING;
    for (const oid of pushed.unpushed) held.delete(oid);
    const candidates = new Set(held.keys());
    held.clear();
    const present = reason !== undefined ? new Set<Oid>() : ask !== "nobody" ? await presentRemotely(remote, candidates, pushed, signal) : new Set([...candidates].filter((oid) => pushed.published.has(oid)));
    if (ask === "store" && present.size > 0) for (const { oids } of await readMarks(remote, { concurrency: settings.concurrency, signal })) for (const oid of oids) present.delete(oid);
    const uses = new Map<Oid, number>();
    for (const { name, modifiedMs } of objects) uses.set(name.oid, Math.max(modifiedMs, uses.get(name.oid) ?? 0));
    await noteCheckouts(repository, uses, signal);
    return { known: { objects, unpushed: pushed.unpushed, present, lastUseMs: (oid) => uses.get(oid) ?? 0, nowMs: thisRun().nowMs() }, notes: reason === undefined ? [] : [reason] };
  } finally {
    remote.close();
  }
}

const NOTHING: Pushed = { unpushed: new Set(), published: new Map() };

/** Removes wave by wave; what something has come to stand on meanwhile stays. @returns what went */
async function evict(local: DirectoryStore, { waves }: PrunePlan, removal: Removal, signal: AbortSignal): Promise<Cached[][]> {
  if (waves.length === 0) return [];
  const going = new Map(waves.flat().map((one) => [one.oid, one]));
  const planned = new Set([...going.values()].flatMap(({ objects }) => objects.map(({ key }) => key)));
  const needed = new Set<Oid>();
  for (const { key, name } of await listObjects(local, signal)) if (name.base !== undefined && !planned.has(key)) needed.add(name.base);
  for (const oid of needed) for (const { name } of going.get(oid)?.objects ?? []) if (name.base !== undefined) needed.add(name.base);
  const gone: Cached[][] = [];
  for (const wave of waves) {
    const some = wave.filter(({ oid }) => !needed.has(oid));
    await removal.remove(some.flatMap(({ objects }) => objects.map(({ key }) => key)));
    gone.push(some);
  }
  return gone;
}

function resultOf({ kept }: PrunePlan, waves: readonly (readonly Cached[])[], { objects }: Facts, notes: string[]): Omit<PruneResult, "cache"> {
  const evicted = waves.flat().map(({ oid, storedBytes, lastUseMs }) => ({ oid, storedBytes, lastUseMs: lastUseMs === Infinity ? undefined : Math.round(lastUseMs) }));
  const evictedBytes = sum(evicted);
  const reasons = [...kept].map(([reason, some]) => ({ reason, contents: some.length, bytes: sum(some) }));
  return { evicted, evictedBytes, kept: reasons, leftBytes: sizeOf(objects) - evictedBytes, notes };
}

function remarks({ kept }: PrunePlan, limitBytes: number | undefined): string[] {
  const must = [...(kept.get("unpushed") ?? []), ...(kept.get("absent") ?? [])];
  return limitBytes !== undefined && sum(must) > limitBytes ? ["what is not pushed takes more than cache.limit by itself; git push, then git ballast prune"] : [];
}

function sizeOf(objects: readonly StoredObject[]): number {
  return objects.reduce((bytes, { sizeBytes }) => bytes + sizeBytes, 0);
}

function sum(items: readonly { readonly storedBytes: number }[]): number {
  return items.reduce((bytes, { storedBytes }) => bytes + storedBytes, 0);
}
