import { BallastError } from "../errors.ts";
import type { Store } from "../store/port.ts";

/**
 * Makes sure, by trying it out, that of several writers of one key one alone is told that it created it.
 * @throws LOCKS_UNSUPPORTED when the provider overwrites; what stores throw
 */
export async function requireLocks(store: Store, signal?: AbortSignal): Promise<void> {
  if (!store.refusesToReplace || (await store.refusesToReplace(signal))) return;
  throw new BallastError("LOCKS_UNSUPPORTED", `${store.url} cannot hold locks: its provider overwrites an object even when asked not to (If-None-Match: *)`, {
    hint: "use a provider, or a newer version of it, that enforces conditional writes; docs/s3.md lists some",
  });
}
