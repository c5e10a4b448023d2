import { BallastError } from "../errors.ts";
import type { Report } from "../events.ts";
import { isOid, type Oid } from "../object/oid.ts";
import type { Store } from "../store/port.ts";
import { formatDuration } from "../util/format.ts";
import type { Claim } from "./claim.ts";
import { contentsOf, listRemovals, pendingIn } from "./pending.ts";
import type { RemovalRecord } from "./removal-record.ts";
import { isAtOnce } from "./settle.ts";
import { readRecord, SWEEPS_PREFIX, writeRecords, type OidRecord } from "./records.ts";
import { beginTerm, LAPSE_MS, type Term } from "./terms.ts";
import type { ThisRun } from "./this-run.ts";
import { parseProcess } from "../util/process-name.ts";

/** How long a push waits for a cleanup before it gives up. */
const PATIENCE_MS = 10 * 60 * 1000;
const POLL_MS = 1000;

/** An announcement of what is being removed (docs/cleanup.md, C1). */
export interface Sweep extends Term {
  /** C5: nothing more is asked to be removed. What was without an answer goes on being announced, until that lapses. */
  end(unanswered?: Iterable<Oid>): Promise<void>;
}

/**
 * Announces that objects of these contents will be removed, as far as they turn out to be dead.
 * @param all everything else too: every push waits
 */
export async function announce(store: Store, oids: Iterable<Oid>, options: { all: boolean; run: ThisRun; signal: AbortSignal }): Promise<Sweep> {
  const { all, run, signal } = options;
  const term = beginTerm(run);
  const write = (some: Iterable<Oid>, of: { all: boolean }, until?: AbortSignal): Promise<string[]> =>
    writeRecords(store, `${SWEEPS_PREFIX}${run.newId()}`, { ballast: "sweep", version: 1, ...of, process: run.process }, some, until);
  const keys = await write(oids, { all }, signal);
  return {
    ...term,
    end: async (unanswered = []) => {
      // Also after an interruption: others would wait.
      const left = [...unanswered];
      if (left.length > 0) await write(left, { all: false });
      for (const key of keys) await store.remove(key);
    },
  };
}

/** Removes announcements that nobody waits for any longer. @param nowMs the store's clock */
export async function removeLapsed(store: Store, nowMs: number, signal: AbortSignal): Promise<void> {
  const lapsed: string[] = [];
  for await (const { key, modifiedMs } of store.list(SWEEPS_PREFIX, signal)) if (nowMs - modifiedMs > LAPSE_MS) lapsed.push(key);
  for (const key of lapsed) await store.remove(key, signal);
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
    if (nowMs - modifiedMs > LAPSE_MS) continue;
    if (isGone(record, run) && !(await mayStillGo(store, oids, nowMs, { run, signal }))) continue;
    return { key, record };
  }
  return undefined;
}

/** Whether the process that announced it is surely gone. */
function isGone({ head }: OidRecord, run: ThisRun): boolean {
  const process = parseProcess(head["process"]);
  return process !== undefined && run.isGone(process);
}

/** Whether one of `oids` has an object whose removal a process that is gone may have asked for (docs/cleanup.md). */
async function mayStillGo(store: Store, oids: ReadonlySet<Oid>, nowMs: number, { run, signal }: { run: ThisRun; signal: AbortSignal }): Promise<boolean> {
  // What a process has asked the kernel of this machine for was done when it ended.
  const isDone = (await isAtOnce(store)) ? ({ host }: RemovalRecord): boolean => host === run.process.host : undefined;
  const pending = await pendingIn(store, await listRemovals(store, signal), { nowMs, signal, isDone });
  return [...contentsOf(pending)].some((oid) => oids.has(oid));
}

function hostOf({ head }: OidRecord): string {
  const { host } = (head["process"] ?? {}) as { host?: unknown };
  return typeof host === "string" && !isOid(host) ? host.replace(/[^\w.-]/g, "?").slice(0, 80) : "another machine";
}
