import type { ObjectName } from "../object/name.ts";
import type { Oid } from "../object/oid.ts";
import { forEachParallel } from "../util/pool.ts";

/**
 * Runs `work` on every item, at most `limit` at a time, but on a delta only once its base has arrived, where that is
 * among the items. What waits for a base that did not arrive is not begun.
 * @param items bases before what needs them; of several objects of one oid, the first is the one that is waited for
 * @param work returns whether its object arrived
 * @throws the first failure, after everything under way has ended
 */
export async function forEachInOrder<T extends { readonly name: ObjectName }>(
  items: readonly T[],
  limit: number,
  work: (item: T, signal: AbortSignal) => Promise<boolean>,
  signal?: AbortSignal,
): Promise<void> {
  const arrivals = new Map<Oid, Arrival>();
  const tasks = items.map((item) => {
    const { oid, base } = item.name;
    const task = { item, own: newArrival(), base: base === undefined ? undefined : arrivals.get(base) };
    if (!arrivals.has(oid)) arrivals.set(oid, task.own);
    return task;
  });
  const one = async ({ item, own, base }: (typeof tasks)[number], siblings: AbortSignal): Promise<void> => {
    let arrived = false;
    try {
      // A base stands earlier, so it has been begun: whoever waits here waits for work that goes on.
      if (base !== undefined && !(await base.promise)) return;
      siblings.throwIfAborted();
      arrived = await work(item, siblings);
    } finally {
      own.tell(arrived);
    }
  };
  await forEachParallel(tasks, limit, one, signal);
}

interface Arrival {
  readonly promise: Promise<boolean>;
  tell(arrived: boolean): void;
}

function newArrival(): Arrival {
  let tell: (arrived: boolean) => void = () => {};
  const promise = new Promise<boolean>((resolve) => (tell = resolve));
  return { promise, tell };
}
