import type { Context } from "../context.ts";
import type { Oid } from "../object/oid.ts";
import { openRemoteStore } from "../store/open.ts";
import type { RestoreRequest } from "../store/port.ts";
import { forEachParallel } from "../util/pool.ts";
import { catalogueOf, easiestWays } from "./chains.ts";

/** How long a restored copy stays readable, in days. */
const DAYS = 7;

/** Asks the store to bring archived objects back, and the bases that they need. Returns each with the hours until it can be read, where known. */
export async function requestArchived(
  context: Context,
  archived: readonly { path: string; oid: Oid }[],
): Promise<{ path: string; oid: Oid; expectedHours?: number | undefined }[]> {
  const remote = await openRemoteStore(context);
  const result: { path: string; oid: Oid; expectedHours?: number | undefined }[] = [];
  try {
    const ways = easiestWays([await catalogueOf(remote, archived.map(({ oid }) => oid), context.signal)], { archived: true });
    const asked = new Map<string, Promise<RestoreRequest | undefined>>();
    const ask = (key: string, signal: AbortSignal): Promise<RestoreRequest | undefined> => {
      if (!asked.has(key)) asked.set(key, Promise.resolve(remote.requestRestore?.(key, DAYS, signal)));
      return asked.get(key)!;
    };
    await forEachParallel(archived, context.settings.concurrency, async ({ path, oid }, signal) => {
      let expectedHours: number | undefined;
      // The object and its bases: the last to come back decides.
      for (let way = ways.get(oid); way; way = way.object.name.base && ways.get(way.object.name.base)) {
        const hours = way.object.archived ? (await ask(way.object.key, signal))?.expectedHours : undefined;
        if (hours !== undefined) expectedHours = Math.max(hours, expectedHours ?? 0);
      }
      result.push({ path, oid, expectedHours });
    }, context.signal);
  } finally {
    remote.close();
  }
  return result;
}
