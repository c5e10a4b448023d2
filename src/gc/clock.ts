import { BallastError } from "../errors.ts";
import type { Store } from "../store/port.ts";
import type { ThisRun } from "./this-run.ts";

const MOST_TRIES = 10;

/**
 * The store's own time, in milliseconds since 1970 and perhaps in whole seconds: that at which it takes a file.
 * @throws STORE_BUSY when the file is always tidied away before it is seen
 */
export async function storeTime(store: Store, run: ThisRun, signal: AbortSignal): Promise<number> {
  for (let tries = 0; tries < MOST_TRIES; tries++) {
    const key = `gc/clock.${run.newId()}.json`;
    await store.replace(key, Buffer.from("{}\n"), signal);
    try {
      // Whoever has just got the right to remove objects tidies such files away.
      for await (const entry of store.list(key, signal)) if (entry.key === key) return entry.modifiedMs;
    } finally {
      await store.remove(key);
    }
  }
  throw new BallastError("STORE_BUSY", `a file that was written to ${store.url} is never listed`, { hint: "git ballast doctor; a store must list what it took at once" });
}
