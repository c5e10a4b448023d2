import { expect } from "vitest";
import type { ErrorCode } from "../../src/errors.ts";

/** For `toThrow`: a BallastError with this code, whose message matches. */
export function ballastError(code: ErrorCode, message: RegExp = /./): Error {
  return expect.objectContaining({ name: "BallastError", code, message: expect.stringMatching(message) }) as Error;
}
