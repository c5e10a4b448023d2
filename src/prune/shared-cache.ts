import type { Context } from "../context.ts";
import { isBallastError } from "../errors.ts";
import type { Oid } from "../object/oid.ts";
import { listObjects } from "../store/list-objects.ts";
import { leaveSharedCache, openSharedCache } from "../store/shared-cache.ts";
import { planPrune, type Limits } from "./plan.ts";

export interface CachePruned {
  readonly dir: string;
  /** Contents that went, or would; their bytes, and those of what is left. */
  readonly evicted: number;
  readonly evictedBytes: number;
  readonly leftBytes: number;
}

/**
 * Evicts from the shared cache what was not of use for the longest, whichever clone put it there: it is nowhere alone, since
 * every clone's local store is complete by itself. Undefined without a cache that can be used.
 */
export async function pruneSharedCache(context: Context, limits: Limits, { dryRun, nowMs }: { dryRun: boolean; nowMs: number }): Promise<CachePruned | undefined> {
  const cache = await openSharedCache(context);
  if (!cache) return undefined;
  const { signal } = context;
  try {
    await cache.tidy?.(signal);
    const objects = await listObjects(cache, signal);
    const lastUse = new Map<Oid, number>();
    for (const { name, modifiedMs } of objects) lastUse.set(name.oid, Math.max(modifiedMs, lastUse.get(name.oid) ?? 0));
    const plan = planPrune({ objects, unpushed: new Set(), present: new Set(lastUse.keys()), lastUseMs: (oid) => lastUse.get(oid)!, nowMs }, limits);
    const gone = plan.waves.flat();
    // What is a difference goes first; who reads meanwhile finds it gone and asks the remote store.
    if (!dryRun) for (const { objects: some } of gone) for (const { key } of some) await cache.remove(key, signal);
    const evictedBytes = gone.reduce((bytes, { storedBytes }) => bytes + storedBytes, 0);
    return { dir: cache.root, evicted: gone.length, evictedBytes, leftBytes: objects.reduce((bytes, { sizeBytes }) => bytes + sizeBytes, 0) - evictedBytes };
  } catch (error) {
    if (!isBallastError(error) || error.code === "INTERRUPTED") throw error;
    leaveSharedCache(context, error);
    return undefined;
  }
}
