import type { Context } from "../context.ts";
import type { Oid } from "../object/oid.ts";
import { openRemoteStore } from "../store/open.ts";
import { forEachParallel } from "../util/pool.ts";

/** How long a restored copy stays readable, in days. */
const DAYS = 7;

/** Asks the store to bring archived objects back. Returns each with the hours until it can be read, where known. */
export async function requestArchived(
  context: Context,
  archived: readonly { path: string; oid: Oid }[],
): Promise<{ path: string; oid: Oid; expectedHours?: number | undefined }[]> {
  const remote = await openRemoteStore(context);
  const result: { path: string; oid: Oid; expectedHours?: number | undefined }[] = [];
  try {
    const found = await remote.find(archived.map(({ oid }) => oid), context.signal);
    await forEachParallel(archived, context.settings.concurrency, async ({ path, oid }, signal) => {
      const object = found.get(oid)?.find((one) => one.archived);
      const asked = object && (await remote.requestRestore?.(object.key, DAYS, signal));
      result.push({ path, oid, expectedHours: asked?.expectedHours });
    }, context.signal);
  } finally {
    remote.close();
  }
  return result;
}
