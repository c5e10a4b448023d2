/*
 * What the pool and its workers tell each other.
 *
 *   pool → worker    run     do these jobs; answered by exactly one done or failed with the same id
 *                    abort   end the jobs of this run soon
 *                    forget  this run is over
 *   worker → pool    done, failed, and bytes: how far the jobs of a run have come, now and then
 */
import type { Job, JobResult } from "./jobs.ts";
import type { PlainError } from "./plain-error.ts";

export type ToWorker =
  | { readonly kind: "run"; readonly run: number; readonly id: number; readonly jobs: readonly Job[] }
  | { readonly kind: "abort"; readonly run: number }
  | { readonly kind: "forget"; readonly run: number };

export type FromWorker =
  | { readonly kind: "done"; readonly id: number; readonly results: JobResult[] }
  | { readonly kind: "failed"; readonly id: number; readonly error: PlainError }
  | { readonly kind: "bytes"; readonly run: number; readonly bytes: number };
