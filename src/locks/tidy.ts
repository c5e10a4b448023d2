import { isBallastError } from "../errors.ts";
import type { Store } from "../store/port.ts";
import { forEachParallel } from "../util/pool.ts";
import type { Standing } from "./standing.ts";

/** No listing takes longer; so none that is under way can miss the record that counted when it began. */
const LISTING_MS = 3600 * 1000;

/**
 * Removes the records of a path that have counted for nothing for an hour by the store's clock, which the highest one,
 * just written, tells. A courtesy: whoever may not remove leaves them.
 */
export async function removeOld(store: Store, { entry, below }: Standing, signal?: AbortSignal): Promise<void> {
  // From the highest down: each was followed by the one before it.
  const old = below.filter((_, i) => (below[i - 1] ?? entry).modifiedMs < entry.modifiedMs - LISTING_MS);
  try {
    await forEachParallel(old, 4, ({ key }, siblings) => store.remove(key, siblings), signal);
  } catch (error) {
    if (!isBallastError(error) || isBallastError(error, "INTERRUPTED")) throw error;
  }
}
