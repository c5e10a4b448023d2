import type { Store } from "../store/port.ts";
import type { ThisRun } from "./this-run.ts";

/** The store's own time, in milliseconds since 1970 and perhaps in whole seconds: that at which it takes a file. */
export async function storeTime(store: Store, run: ThisRun, signal: AbortSignal): Promise<number> {
  const key = `gc/clock.${run.newId()}.json`;
  await store.replace(key, Buffer.from("{}\n"), signal);
  try {
    for await (const entry of store.list(key, signal)) if (entry.key === key) return entry.modifiedMs;
    throw new Error(`${key} was written to ${store.url} and is not listed`);
  } finally {
    await store.remove(key);
  }
}
