import { closeSync, mkdirSync, openSync, readdirSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import type { Event, Report } from "../../events.ts";
import { isTransfer } from "./progress.ts";

const KEPT = 20;
const FLUSH_CHARS = 16 * 1024;

export interface RunLog {
  readonly report: Report;
  /** Writes how the run ended, when it has a log. */
  close(outcome: string): void;
}

/**
 * A log of a run that transfers something, one line an event, in `directory`; nothing is made for other runs. The
 * newest 20 are kept. A log that cannot be written stops nothing.
 * @param title the verb, and nothing that the user typed: arguments may hold secrets
 */
export function runLog(directory: () => string | undefined, title: string, now: () => Date): RunLog {
  let fd: number | undefined;
  let failed = false;
  let pending = `${now().toISOString()} ${title}\n`;

  function open(): void {
    const place = directory();
    if (place === undefined || failed) return;
    try {
      mkdirSync(place, { recursive: true });
      prune(place, KEPT - 1);
      fd = openSync(join(place, `${now().toISOString().replace(/[:.]/g, "-")}-${process.pid}.log`), "ax", 0o600);
    } catch {
      failed = true;
    }
  }

  function flush(): void {
    if (fd === undefined) return;
    try {
      writeSync(fd, pending);
    } catch {
      failed = true;
    }
    pending = "";
  }

  return {
    report(event) {
      if (failed || event.kind === "bytes") return;
      if (fd === undefined && event.kind === "file" && isTransfer(event.op)) open();
      // Before it is known that there will be a log, the beginning is kept, but not without end.
      if (fd === undefined && pending.length > FLUSH_CHARS) return;
      pending += `${now().toISOString()} ${redact(describe(event))}\n`;
      if (pending.length > FLUSH_CHARS || event.kind === "warning" || event.kind === "retry") flush();
    },
    close(outcome) {
      if (fd === undefined) return;
      pending += `${now().toISOString()} ${redact(outcome.trim())}\n`;
      flush();
      closeSync(fd);
      fd = undefined;
    },
  };
}

/** Removes what could give somebody access: credentials in URLs, signatures, keys and tokens. */
export function redact(text: string): string {
  return text
    .replace(/([a-z][a-z0-9+.-]*:\/\/)[^\s/@"']*@/gi, "$1***@")
    .replace(/(X-Amz-(?:Signature|Security-Token|Credential)=)[^&\s"']*/gi, "$1***")
    .replace(/\b(?:AKIA|ASIA)[A-Z0-9]{12,}\b/g, "***")
    .replace(/((?:secret|token|password|authorization)[\w-]*["']?\s*[:=]\s*["']?)[^\s"',}]+/gi, "$1***");
}

function describe(event: Event): string {
  switch (event.kind) {
    case "start":
      return `start ${event.op}: ${event.totalFiles} files, ${event.totalBytes ?? "?"} bytes`;
    case "bytes":
      return `bytes ${event.op}: ${event.bytes}`;
    case "file":
      return `${event.op} ${event.how ?? "done"}: ${event.oid} ${event.bytes} bytes${event.storedBytes === undefined ? "" : `, ${event.storedBytes} stored`} ${JSON.stringify(event.path)}`;
    case "end":
      return `end ${event.op}: ${event.ok ? "ok" : "stopped"}`;
    case "retry":
      return `retry ${event.what}: attempt ${event.attempt}, ${event.delayMs} ms: ${event.reason}`;
    default:
      return `${event.kind}: ${event.message}`;
  }
}

function prune(directory: string, keep: number): void {
  const logs = readdirSync(directory).filter((name) => name.endsWith(".log")).sort();
  for (const name of logs.slice(0, Math.max(0, logs.length - keep))) rmSync(join(directory, name), { force: true });
}
