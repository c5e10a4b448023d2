import { messageOf, type Reporter, type ReporterOptions } from "./reporter.ts";

/** Messages, and no progress. */
export function silentReporter(options: ReporterOptions): Reporter {
  return {
    report(event) {
      const message = messageOf(event, options);
      if (message !== undefined) options.stream.write(message);
    },
    close() {},
  };
}
