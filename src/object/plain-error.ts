import { BallastError, type ErrorCode } from "../errors.ts";

/** An error as plain data: structured cloning keeps neither classes nor codes. */
export interface PlainError {
  readonly code: ErrorCode | undefined;
  readonly message: string;
  readonly hint: string | undefined;
  readonly stack: string | undefined;
}

/** @see PlainError */
export function toPlain(error: unknown): PlainError {
  if (error instanceof BallastError) return { code: error.code, message: error.message, hint: error.hint, stack: error.stack };
  const { message, stack } = error instanceof Error ? error : new Error(String(error));
  return { code: undefined, message, hint: undefined, stack };
}

/** The error again, with its code. */
export function fromPlain({ code, message, hint, stack }: PlainError): Error {
  const error = code === undefined ? new Error(message) : new BallastError(code, message, hint === undefined ? {} : { hint });
  if (stack !== undefined) error.stack = stack;
  return error;
}
