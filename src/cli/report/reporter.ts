import type { Event, Report } from "../../events.ts";
import { plainText } from "../../util/format.ts";
import type { Style } from "../style.ts";

/** Renders events to standard error. */
export interface Reporter {
  readonly report: Report;
  /** Takes what it shows away, so that other text can follow. */
  close(): void;
}

export interface ReporterOptions {
  readonly stream: Pick<NodeJS.WriteStream, "write">;
  readonly style: Style;
  readonly quiet: boolean;
  readonly verbose: boolean;
  /** Whether a line sums up every transfer, also a short one: for hooks, which say nothing else. */
  readonly summaries: boolean;
  /** A clock in milliseconds. */
  readonly now: () => number;
}

/** The lines for an event that is a message and no progress; undefined for the others and for those not wanted. */
export function messageOf(event: Event, { style, quiet, verbose }: Pick<ReporterOptions, "style" | "quiet" | "verbose">): string | undefined {
  switch (event.kind) {
    case "warning":
      return `${style.warning("ballast: warning:")} ${plainText(event.message)}\n${event.hint === undefined ? "" : `  → ${plainText(event.hint)}\n`}`;
    case "info":
      return quiet ? undefined : `ballast: ${plainText(event.message)}\n`;
    case "retry":
      // The first retry is everyday life on a network.
      if (quiet || (!verbose && event.attempt < 3)) return undefined;
      return `ballast: ${plainText(event.what)}: ${plainText(event.reason)}; trying again in ${(event.delayMs / 1000).toFixed(1)} s (attempt ${event.attempt + 1})\n`;
    case "file":
      if (!verbose || quiet) return undefined;
      return `${style.faint(`${event.op}${event.how === undefined || event.how === "done" ? "" : ` (${event.how})`}: ${plainText(event.path || event.oid)}`)}\n`;
    default:
      return undefined;
  }
}
