import { BallastError } from "../errors.ts";
import type { Report } from "../events.ts";
import { isOid, type Oid } from "../object/oid.ts";
import type { Store } from "../store/port.ts";
import { formatDuration } from "../util/format.ts";
import type { Claim } from "./claim.ts";
import { readRecord, SWEEPS_PREFIX, writeRecords, type OidRecord } from "./records.ts";
import type { ProcessName, ThisRun } from "./this-run.ts";

/** A cleanup removes nothing any more when its announcement is so old, by its own clocks. */
export const SWEEP_MS = 30 * 60 * 1000;
/** Nobody waits for a cleanup whose announcement is so old, by the store's clock. */
export const LAPSE_MS = 2 * 3600 * 1000;
/** How long a push waits for a cleanup before it gives up. */
const PATIENCE_MS = 10 * 60 * 1000;
const POLL_MS = 1000;

/** An announcement of what is being removed (docs/cleanup.md, C1). */
export interface Sweep {
  /** Whether something may still be removed: the announcement is young by each of this machine's clocks. */
  isCurrent(): boolean;
  /** C5: nothing more is removed. */
  end(): Promise<void>;
}

/**
 * Announces that objects of these contents will be removed, as far as they turn out to be dead.
 * @param all everything else too: every push waits
 */
export async function announce(store: Store, oids: Iterable<Oid>, options: { all: boolean; run: ThisRun; signal: AbortSignal }): Promise<Sweep> {
  const { all, run, signal } = options;
  const began = { wallMs: run.nowMs(), steadyMs: run.steadyMs() };
  const keys = await writeRecords(store, `${SWEEPS_PREFIX}${run.newId()}`, { ballast: "sweep", version: 1, all, process: run.process }, oids, signal);
  return {
    isCurrent: () => {
      const wallMs = run.nowMs() - began.wallMs;
      // A clock that was set back tells nothing good.
      return wallMs >= 0 && wallMs < SWEEP_MS && run.steadyMs() - began.steadyMs < SWEEP_MS;
    },
    end: async () => {
      // Also after an interruption: others would wait.
      for (const key of keys) await store.remove(key);
    },
  };
}

export interface WaitOptions {
  readonly claim: Claim;
  readonly run: ThisRun;
  readonly report: Report;
  readonly signal: AbortSignal;
  readonly patienceMs?: number;
}

/**
 * Returns when no cleanup is removing any of `oids` (docs/cleanup.md, P2). The claim on them must have been made.
 * @throws LOCKED when one takes too long
 */
export async function waitForSweeps(store: Store, oids: ReadonlySet<Oid>, options: WaitOptions): Promise<void> {
  const { run, report, signal, patienceMs = PATIENCE_MS } = options;
  const records = new Map<string, OidRecord | undefined>();
  const beganMs = run.steadyMs();
  for (let told = false; ; told = true) {
    const meets = await firstMeeting(store, oids, records, options);
    if (meets === undefined) return;
    const waitedMs = run.steadyMs() - beganMs;
    if (waitedMs >= patienceMs) {
      throw new BallastError("LOCKED", `a cleanup on ${hostOf(meets.record)} has not said for ${formatDuration(waitedMs)} that it is done with objects that this needs`, {
        hint: `wait for it to end and push again; if it was killed, that will do ${formatDuration(LAPSE_MS)} after it began (its record is ${meets.key})`,
      });
    }
    if (!told) report({ kind: "info", message: `waiting for a cleanup on ${hostOf(meets.record)} that may be removing objects that this needs` });
    await run.pause(Math.min(POLL_MS, patienceMs), signal);
  }
}

/** An announcement that names one of `oids`, or everything, and has not lapsed. */
async function firstMeeting(
  store: Store,
  oids: ReadonlySet<Oid>,
  records: Map<string, OidRecord | undefined>,
  { claim, run, signal }: WaitOptions,
): Promise<{ key: string; record: OidRecord } | undefined> {
  let nowMs: number | undefined;
  const entries: { key: string; modifiedMs: number }[] = [];
  for await (const { key, modifiedMs } of store.list(SWEEPS_PREFIX, signal)) entries.push({ key, modifiedMs });
  for (const { key, modifiedMs } of entries) {
    if (!records.has(key)) records.set(key, await readRecord(store, key, ["sweep"], signal));
    const record = records.get(key);
    if (!record || !(record.head["all"] === true || record.oids.some((oid) => oids.has(oid)))) continue;
    nowMs ??= (await claim.writtenMs()) ?? 0;
    if (hasLapsed(record, nowMs - modifiedMs, run)) continue;
    return { key, record };
  }
  return undefined;
}

/** Whether the cleanup that announced it removes nothing any more, although it has not said so. */
export function hasLapsed({ head }: OidRecord, ageMs: number, run: ThisRun): boolean {
  const process = processOf(head["process"]);
  return ageMs > LAPSE_MS || (process !== undefined && run.isGone(process));
}

function processOf(value: unknown): ProcessName | undefined {
  const { host, machine, pid, started } = (value ?? {}) as Record<string, unknown>;
  if (typeof host !== "string" || typeof machine !== "string" || typeof started !== "string" || !Number.isSafeInteger(pid)) return undefined;
  return { host, machine, started, pid: pid as number };
}

function hostOf({ head }: OidRecord): string {
  const { host } = (head["process"] ?? {}) as { host?: unknown };
  return typeof host === "string" && !isOid(host) ? host.replace(/[^\w.-]/g, "?").slice(0, 80) : "another machine";
}
