/*
 * What the pool and its workers tell each other.
 *
 *   pool → worker    run     do these jobs; answered by exactly one done or failed with the same id
 *                    abort   end the jobs of this run soon
 *                    forget  this run is over
 *   worker → pool    done, failed, and bytes: how far the jobs of a run have come, now and then
 */
import { BallastError, type ErrorCode } from "../errors.ts";
import type { Job, JobResult } from "./jobs.ts";

export type ToWorker =
  | { readonly kind: "run"; readonly run: number; readonly id: number; readonly jobs: readonly Job[] }
  | { readonly kind: "abort"; readonly run: number }
  | { readonly kind: "forget"; readonly run: number };

export type FromWorker =
  | { readonly kind: "done"; readonly id: number; readonly results: JobResult[] }
  | { readonly kind: "failed"; readonly id: number; readonly error: PlainError }
  | { readonly kind: "bytes"; readonly run: number; readonly bytes: number };

/** An error as plain data: structured cloning keeps neither classes nor codes. */
export interface PlainError {
  readonly code: ErrorCode | undefined;
  readonly message: string;
  readonly hint: string | undefined;
  readonly stack: string | undefined;
}

export function toPlain(error: unknown): PlainError {
  if (error instanceof BallastError) return { code: error.code, message: error.message, hint: error.hint, stack: error.stack };
  const { message, stack } = error instanceof Error ? error : new Error(String(error));
  return { code: undefined, message, hint: undefined, stack };
}

export function fromPlain({ code, message, hint, stack }: PlainError): Error {
  const error = code === undefined ? new Error(message) : new BallastError(code, message, hint === undefined ? {} : { hint });
  if (stack !== undefined) error.stack = stack;
  return error;
}
