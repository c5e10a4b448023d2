import type { Event } from "../../events.ts";
import { describeProgress, describeResult, isTransfer, ProgressMeter } from "./progress.ts";
import { messageOf, type Reporter, type ReporterOptions } from "./reporter.ts";

/** Between two lines about one operation. */
const INTERVAL_MS = 5000;

/** Lines for a log or a pipe: one every five seconds while something takes long, and one at its end. */
export function plainReporter(options: ReporterOptions): Reporter {
  const { stream, quiet, summaries, now } = options;
  const meter = new ProgressMeter(now);
  let lastMs = now();
  let shown = false;

  function progress(event: Event): void {
    if (event.kind === "start") [lastMs, shown] = [now(), false];
    const ended = meter.apply(event);
    if (ended && event.kind === "end") {
      const worthSaying = shown || (summaries && isTransfer(ended.op));
      if (worthSaying && ended.files > 0) stream.write(`ballast: ${describeResult(ended, meter.elapsedMs(ended), event.ok)}\n`);
      shown = false;
      return;
    }
    const { current } = meter;
    if (current === undefined || now() - lastMs < INTERVAL_MS) return;
    [lastMs, shown] = [now(), true];
    stream.write(`ballast: ${describeProgress(current, meter.elapsedMs(current))}\n`);
  }

  return {
    report(event) {
      const message = messageOf(event, options);
      if (message !== undefined) stream.write(message);
      if (!quiet) progress(event);
    },
    close() {},
  };
}
