import type { Reporter, ReporterOptions } from "./reporter.ts";

/** One event a line, as JSON, in the form of `src/events.ts`: for a program that shows the progress itself. */
export function jsonReporter({ stream }: Pick<ReporterOptions, "stream">): Reporter {
  return {
    report: (event) => void stream.write(`${JSON.stringify(event)}\n`),
    close() {},
  };
}

