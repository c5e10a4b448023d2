import { BallastError, systemCode, type ErrorCode } from "../errors.ts";

/** An error as plain data: structured cloning keeps neither classes nor codes. */
export interface PlainError {
  readonly code: ErrorCode | undefined;
  readonly message: string;
  readonly hint: string | undefined;
  readonly stack: string | undefined;
  /** The code of the system error behind it, such as `EIO`. */
  readonly system: string | undefined;
}

/** @see PlainError */
export function toPlain(error: unknown): PlainError {
  if (error instanceof BallastError) return { code: error.code, message: error.message, hint: error.hint, stack: error.stack, system: systemCode(error.cause) };
  const { message, stack } = error instanceof Error ? error : new Error(String(error));
  return { code: undefined, message, hint: undefined, stack, system: undefined };
}

/** The error again, with its code and that of the system error behind it. */
export function fromPlain({ code, message, hint, stack, system }: PlainError): Error {
  const cause = system === undefined ? undefined : Object.assign(new Error(system), { code: system });
  const error = code === undefined ? new Error(message) : new BallastError(code, message, { ...(hint === undefined ? {} : { hint }), cause });
  if (stack !== undefined) error.stack = stack;
  return error;
}
