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
  const tasks = items.map((item) => ({ item, oid: item.name.oid, after: item.name.base === undefined ? NOTHING : [item.name.base] }));
  await forEachAfter(tasks, limit, ({ item }, siblings) => work(item, siblings), signal);
}

const NOTHING: readonly never[] = [];

/**
 * {@link forEachInOrder} for work that waits for any number of others.
 * @param tasks each after those that it waits for; what comes later, or is none of them, is not waited for
 */
export async function forEachAfter<T extends { readonly oid: Oid; readonly after: readonly Oid[] }>(
  tasks: readonly T[],
  limit: number,
  work: (task: T, signal: AbortSignal) => Promise<boolean>,
  signal?: AbortSignal,
): Promise<void> {
  const awaited = new Set<Oid>();
  for (const { after } of tasks) for (const oid of after) awaited.add(oid);
  const one = async ({ task, own, after }: Step<T>, siblings: AbortSignal): Promise<void> => {
    let arrived = false;
    try {
      // What is waited for stands earlier, so it has been begun: whoever waits here waits for work that goes on.
      for (const { promise } of after) if (!(await promise)) return;
      siblings.throwIfAborted();
      arrived = await work(task, siblings);
    } finally {
      own?.tell(arrived);
    }
  };
  await forEachParallel(stepsOf(tasks, awaited), limit, one, signal);
}

interface Step<T> {
  readonly task: T;
  /** Undefined when nobody waits for it. */
  readonly own: Arrival | undefined;
  readonly after: readonly Arrival[];
}

/** Each when it is begun: mostly nothing waits for anything, and there may be a million. */
function* stepsOf<T extends { readonly oid: Oid; readonly after: readonly Oid[] }>(tasks: readonly T[], awaited: ReadonlySet<Oid>): Generator<Step<T>> {
  const arrivals = new Map<Oid, Arrival>();
  for (const task of tasks) {
    const after = task.after.flatMap((oid) => arrivals.get(oid) ?? []);
    const own = awaited.has(task.oid) && !arrivals.has(task.oid) ? newArrival() : undefined;
    if (own) arrivals.set(task.oid, own);
    yield { task, own, after };
  }
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
