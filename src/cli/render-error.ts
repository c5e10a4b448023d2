import { BallastError, EXIT_BUG, EXIT_STATUS } from "../errors.ts";
import { plainText } from "../util/format.ts";
import type { Style } from "./style.ts";

export interface ErrorOptions {
  /** Shows causes and stacks too. */
  readonly verbose: boolean;
  /** One line of JSON, for a reader that reads the progress as JSON too. */
  readonly json: boolean;
  readonly style: Style;
}

/** The exit status that an error stands for. */
export function exitStatus(error: unknown): number {
  if (error instanceof BallastError) return EXIT_STATUS[error.code];
  return EXIT_BUG;
}

/**
 * An error as the user reads it, with a final line feed: what failed and what to do next. An error that is not ours is
 * a bug, and shows its stack.
 */
export function renderError(error: unknown, { verbose, json, style }: ErrorOptions): string {
  if (json) return `${JSON.stringify(toJson(error))}\n`;
  if (!(error instanceof BallastError)) return renderBug(error, style);
  const lines = [`${style.error("ballast:")} ${plainText(error.message)}`];
  if (error.hint !== undefined) lines.push(`  → ${plainText(error.hint)}`);
  if (verbose) lines.push(...causes(error));
  return `${lines.join("\n")}\n`;
}

function renderBug(error: unknown, style: Style): string {
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return [
    `${style.error("ballast:")} this is a bug in Ballast: ${plainText(error instanceof Error ? error.message : String(error))}`,
    "  → please report it with the lines below; git ballast doctor may show a way around it",
    ...plainText(stack).split("\n").slice(1, 12),
    ...(error instanceof Error ? causes(error) : []),
    "",
  ].join("\n");
}

/** The chain of causes, the nearest first. Credentials never get this far: adapters keep them out of their errors. */
function causes(error: Error): string[] {
  const lines: string[] = [];
  for (let cause = error.cause, depth = 0; cause !== undefined && depth < 8; depth++) {
    const text = cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause);
    lines.push(`  because: ${plainText(text.split("\n", 1)[0]!)}`);
    cause = cause instanceof Error ? cause.cause : undefined;
  }
  return lines;
}

function toJson(error: unknown): object {
  if (!(error instanceof BallastError)) return { kind: "error", code: "BUG", message: error instanceof Error ? error.message : String(error), status: EXIT_BUG };
  const { code, message, hint } = error;
  return { kind: "error", code, message, ...(hint === undefined ? {} : { hint }), status: exitStatus(error) };
}
