import type { Event, Operation } from "../../events.ts";
import { count, formatBytes, formatDuration } from "../../util/format.ts";

/** How far one operation is. */
export interface Progress {
  readonly op: Operation;
  readonly totalFiles: number;
  readonly totalBytes: number | undefined;
  readonly startedMs: number;
  files: number;
  /** Files that the other side had already, or that were kept. */
  skipped: number;
  bytes: number;
  storedBytes: number;
}

/** Adds up the events of operations, of which several may be under way. */
export class ProgressMeter {
  readonly #now: () => number;
  readonly #running = new Map<Operation, Tally>();

  /** @param now a clock in milliseconds */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** The operation that began last and has not ended. */
  get current(): Progress | undefined {
    return [...this.#running.values()].at(-1)?.progress;
  }

  /** @returns the operation that this event ended */
  apply(event: Event): Progress | undefined {
    switch (event.kind) {
      case "start":
        this.#running.delete(event.op);
        this.#running.set(event.op, new Tally(event.op, event.totalFiles, event.totalBytes, this.#now()));
        return undefined;
      case "bytes":
        this.#tally(event.op).moved(event.bytes);
        return undefined;
      case "file":
        this.#tally(event.op).file(event);
        return undefined;
      case "end": {
        const ended = this.#running.get(event.op)?.progress;
        this.#running.delete(event.op);
        return ended;
      }
      default:
        return undefined;
    }
  }

  elapsedMs({ startedMs }: Progress): number {
    return this.#now() - startedMs;
  }

  #tally(op: Operation): Tally {
    let tally = this.#running.get(op);
    if (!tally) this.#running.set(op, (tally = new Tally(op, 0, undefined, this.#now())));
    return tally;
  }
}

class Tally {
  readonly progress: Progress;
  /** Bytes moved, and bytes of whole files: whichever is further tells how far it is. */
  #moved = 0;
  #whole = 0;

  constructor(op: Operation, totalFiles: number, totalBytes: number | undefined, startedMs: number) {
    this.progress = { op, totalFiles, totalBytes, startedMs, files: 0, skipped: 0, bytes: 0, storedBytes: 0 };
  }

  moved(bytes: number): void {
    this.#moved += bytes;
    this.#advance();
  }

  file({ bytes, storedBytes, how }: Extract<Event, { kind: "file" }>): void {
    this.progress.files++;
    if (how === "present" || how === "kept") this.progress.skipped++;
    this.progress.storedBytes += storedBytes ?? 0;
    this.#whole += bytes;
    this.#advance();
  }

  #advance(): void {
    const bytes = Math.max(this.#moved, this.#whole);
    // Never more than there is: a retried transfer moves some bytes twice.
    this.progress.bytes = this.progress.totalBytes === undefined ? bytes : Math.min(bytes, Math.max(this.progress.totalBytes, this.#whole));
  }
}

const DOING: Record<Operation, string> = {
  record: "recording",
  upload: "uploading",
  download: "downloading",
  restore: "restoring",
  copy: "copying",
  scan: "reading",
  repack: "repacking",
};
const DONE: Record<Operation, string> = {
  record: "recorded",
  upload: "uploaded",
  download: "downloaded",
  restore: "restored",
  copy: "copied",
  scan: "read",
  repack: "repacked",
};

/** `uploading: 3 of 10 files, 1.2 GiB of 4 GiB, 85 MiB/s, 32 s left`. */
export function describeProgress(progress: Progress, elapsedMs: number): string {
  const { op, files, totalFiles, bytes, totalBytes } = progress;
  const parts = [totalFiles > 0 ? `${files} of ${count(totalFiles, "file")}` : count(files, "file")];
  parts.push(totalBytes === undefined ? formatBytes(bytes) : `${formatBytes(bytes)} of ${formatBytes(totalBytes)}`);
  const rate = rateOf(progress, elapsedMs);
  if (rate !== undefined) parts.push(`${formatBytes(rate)}/s`);
  const left = timeLeftMs(progress, elapsedMs);
  if (left !== undefined) parts.push(`${formatDuration(Math.max(1000, left))} left`);
  return `${DOING[op]}: ${parts.join(", ")}`;
}

/** `uploaded 10 files, 4 GiB (1.3 GiB stored) in 48 s, 85 MiB/s`. */
export function describeResult(progress: Progress, elapsedMs: number, ok: boolean): string {
  const { op, files, bytes, storedBytes } = progress;
  const stored = storedBytes > 0 && storedBytes !== bytes ? ` (${formatBytes(storedBytes)} stored)` : "";
  const rate = rateOf(progress, elapsedMs);
  const speed = rate === undefined || elapsedMs < 1000 ? "" : `, ${formatBytes(rate)}/s`;
  return `${DONE[op]} ${count(files, "file")}, ${formatBytes(bytes)}${stored} in ${formatDuration(elapsedMs)}${speed}${ok ? "" : ", then stopped"}`;
}

/** Whether an operation moves bytes between stores, which people wait and perhaps pay for. */
export function isTransfer(op: Operation): boolean {
  return op === "upload" || op === "download" || op === "copy" || op === "repack";
}

function rateOf({ bytes }: Progress, elapsedMs: number): number | undefined {
  return elapsedMs < 200 || bytes === 0 ? undefined : Math.round((bytes / elapsedMs) * 1000);
}

function timeLeftMs({ bytes, totalBytes }: Progress, elapsedMs: number): number | undefined {
  if (totalBytes === undefined || bytes === 0 || elapsedMs < 2000 || bytes >= totalBytes) return undefined;
  return ((totalBytes - bytes) / bytes) * elapsedMs;
}
