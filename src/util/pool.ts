import { setMaxListeners } from "node:events";

/**
 * Runs `work` on every item, at most `limit` at a time, and in the order of the items as far as starting goes. On the
 * first failure nothing more is started, the signal given to the others is aborted, and they have all ended when that
 * failure is thrown.
 * @param signal its abort ends the pool with its reason, likewise after everything has ended
 */
export async function forEachParallel<T>(
  items: Iterable<T>,
  limit: number,
  work: (item: T, signal: AbortSignal) => Promise<void>,
  signal?: AbortSignal,
): Promise<void> {
  signal?.throwIfAborted();
  const siblings = new AbortController();
  // One listener for each item at work, and whatever those start, is no leak.
  setMaxListeners(0, siblings.signal);
  const stop = (): void => siblings.abort(signal?.reason);
  signal?.addEventListener("abort", stop, { once: true });
  const iterator = items[Symbol.iterator]();
  let failure: { readonly error: unknown } | undefined;

  async function worker(): Promise<void> {
    while (!siblings.signal.aborted) {
      try {
        const next = iterator.next();
        if (next.done) return;
        await work(next.value, siblings.signal);
      } catch (error) {
        failure ??= { error };
        siblings.abort(error);
      }
    }
  }

  try {
    await Promise.all(Array.from({ length: Math.max(1, limit) }, worker));
  } finally {
    signal?.removeEventListener("abort", stop);
  }
  if (signal?.aborted) throw signal.reason;
  if (failure) throw failure.error;
}

/** {@link forEachParallel} with results, in the order of the items. */
export async function mapParallel<T, R>(
  items: Iterable<T>,
  limit: number,
  work: (item: T, signal: AbortSignal) => Promise<R>,
  signal?: AbortSignal,
): Promise<R[]> {
  const results: R[] = [];
  await forEachParallel(
    Array.from(items, (item, i) => ({ item, i })),
    limit,
    async ({ item, i }, siblings) => {
      results[i] = await work(item, siblings);
    },
    signal,
  );
  return results;
}
