import type { Context } from "../context.ts";
import { addedAssets } from "../manifest/versions.ts";
import { OBJECTS_PREFIX, parseKey } from "../object/name.ts";
import type { Oid } from "../object/oid.ts";
import { openRemoteStore, openStoresHere } from "../store/open.ts";
import type { Store } from "../store/port.ts";
import { statisticsOf, type Held, type Statistics, type Version } from "../transfer/statistics.ts";
import { selector } from "../worktree/tracking.ts";

export interface StatsResult extends Statistics {
  /** The stores that were looked into; what the first of them holds counts as it is there. */
  readonly stores: readonly string[];
  /** Objects in these stores that hold no version of the paths: of other paths, repositories or unborn commits. */
  readonly others: { readonly objects: number; readonly bytes: number };
}

/**
 * What the versions of assets take, over all commits on any ref, and what saved how much.
 * @param options.remote looks into the remote store alone; otherwise into those on this machine
 * @throws MANIFEST_INVALID, PATH_REFUSED naming the commit; what the stores throw
 */
export async function stats(context: Context, { paths, remote }: { paths: readonly string[]; remote: boolean }): Promise<StatsResult> {
  const { repository, cwd, signal } = context;
  const select = selector(repository, cwd, paths);
  const versions: Version[] = [];
  for await (const { path, oid, sizeBytes } of addedAssets(repository, ["--all"], signal)) if (select(path)) versions.push({ path, oid, sizeBytes });
  const stores: Store[] = remote ? [await openRemoteStore(context)] : await openStoresHere(context);
  try {
    const held = await listAll(stores, signal);
    const statistics = statisticsOf(versions.reverse(), held);
    for (const { oid } of versions) held.delete(oid);
    const rest = [...held.values()].flat();
    const others = { objects: rest.length, bytes: rest.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0) };
    return { stores: stores.map(({ url }) => url), ...statistics, others };
  } finally {
    for (const store of stores) store.close();
  }
}

/** The objects of every oid, of the first store that has any. */
async function listAll(stores: readonly Store[], signal: AbortSignal): Promise<Map<Oid, Held[]>> {
  const all = new Map<Oid, Held[]>();
  for (const store of stores) {
    const here = new Map<Oid, Held[]>();
    for await (const { key, sizeBytes } of store.list(OBJECTS_PREFIX, signal)) {
      const name = parseKey(key);
      if (name === undefined) continue;
      const held = { encoding: name.encoding, sizeBytes };
      const objects = here.get(name.oid);
      if (objects) objects.push(held);
      else here.set(name.oid, [held]);
    }
    for (const [oid, objects] of here) if (!all.has(oid)) all.set(oid, objects);
  }
  return all;
}
