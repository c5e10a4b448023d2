import type { SingleBar } from "cli-progress";
import { describeProgress, describeResult, isTransfer, ProgressMeter, type Progress } from "./progress.ts";
import { messageOf, type Reporter, type ReporterOptions } from "./reporter.ts";

/** Nothing is drawn for what is over sooner. */
const PATIENCE_MS = 400;
const REDRAW_MS = 100;
const CLEAR_LINE = "\r\u001b[K";

/** A bar on a terminal: files, bytes, rate, time left. It is gone when the operation is over. */
export function terminalReporter(options: ReporterOptions & { readonly stream: NodeJS.WriteStream }): Reporter {
  const { stream, quiet, summaries, now } = options;
  const meter = new ProgressMeter(now);
  let bar: SingleBar | undefined;
  let drawing = false;
  let timer: NodeJS.Timeout | undefined;

  async function draw(): Promise<void> {
    const { current } = meter;
    if (current === undefined || meter.elapsedMs(current) < PATIENCE_MS || drawing) return;
    drawing = true;
    try {
      // Loaded when there is something to draw: most runs are over before.
      const made = bar ?? (await makeBar(stream));
      const still = meter.current;
      if (still === undefined) return;
      if (bar === undefined) made.start(1, 0, { text: "" });
      bar = made;
      bar.setTotal(Math.max(1, totalOf(still)));
      bar.update(doneOf(still), { text: describeProgress(still, meter.elapsedMs(still)) });
    } finally {
      drawing = false;
    }
  }

  function hide(): void {
    if (timer) clearInterval(timer);
    timer = undefined;
    if (!bar) return;
    bar.stop();
    bar = undefined;
    stream.write(CLEAR_LINE);
  }

  return {
    report(event) {
      const message = messageOf(event, options);
      if (message !== undefined) stream.write(bar ? CLEAR_LINE + message : message);
      if (quiet) return;
      const ended = meter.apply(event);
      if (event.kind === "start" && !timer) {
        timer = setInterval(() => void draw(), REDRAW_MS);
        timer.unref();
      }
      if (!ended || event.kind !== "end") return;
      const long = bar !== undefined;
      if (meter.current === undefined) hide();
      if (ended.files > 0 && (long || (summaries && isTransfer(ended.op)))) {
        stream.write(`${bar ? CLEAR_LINE : ""}ballast: ${describeResult(ended, meter.elapsedMs(ended), event.ok)}\n`);
      }
    },
    close: hide,
  };
}

async function makeBar(stream: NodeJS.WritableStream): Promise<SingleBar> {
  const progress = (await import("cli-progress")).default;
  return new progress.SingleBar(
    { format: "{bar} {percentage}% {text}", barsize: 20, stream, hideCursor: true, clearOnComplete: true, forceRedraw: true, linewrap: true, gracefulExit: false, fps: 1000 / REDRAW_MS },
    progress.Presets.shades_classic,
  );
}

function totalOf({ totalBytes, totalFiles }: Progress): number {
  return totalBytes || totalFiles;
}

function doneOf({ totalBytes, bytes, files }: Progress): number {
  return totalBytes ? bytes : files;
}
