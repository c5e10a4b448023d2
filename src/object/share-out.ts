import type { Operation } from "../events.ts";
import type { Job, JobResult } from "./jobs.ts";

/** What one call does. Of what it makes, nothing is kept but by `done`: there may be a million jobs. */
export interface Task {
  /** Undefined: its bytes are not reported. */
  readonly op: Operation | undefined;
  readonly sizes: readonly number[];
  /** Called when the job is about to be done. */
  readonly jobAt: (index: number) => Job;
  readonly done: (result: JobResult, index: number) => void;
}

/** Does a batch, somewhere. */
export type RunBatch = (jobs: readonly Job[]) => Promise<JobResult[]>;

/**
 * Gives batches to lanes as these become free. After the first failure no further batch is begun, and it is thrown when
 * those under way have ended.
 */
export async function shareOut(
  { jobAt, done }: Task,
  lanes: readonly RunBatch[],
  batches: number[][],
  abort: () => void,
  throwIfAborted: () => void,
): Promise<void> {
  const errors: unknown[] = [];
  const queue = batches.values();
  const lane = async (runBatch: RunBatch): Promise<void> => {
    // A shared iterator: each batch is taken by one lane. Not for…of, whose early end would close it for the others.
    for (let next = queue.next(); !next.done && errors.length === 0; next = queue.next()) {
      try {
        throwIfAborted();
        const made = await runBatch(next.value.map(jobAt));
        for (const [i, index] of next.value.entries()) done(made[i], index);
      } catch (error) {
        errors.push(error);
        abort();
      }
    }
  };
  await Promise.all(lanes.map(lane));
  throwIfAborted();
  if (errors.length > 0) throw errors[0];
}
