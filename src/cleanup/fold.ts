import type { Context } from "../context.ts";
import type { Claimed } from "../gc/collect.ts";
import { CLAIMS_PREFIX, MARKS_PREFIX, writeRecords } from "../gc/records.ts";
import type { ThisRun } from "../gc/this-run.ts";
import { cloneItself, ownRepositories, type RepositoryId } from "../git/identity.ts";
import type { Oid } from "../object/oid.ts";
import type { Store } from "../store/port.ts";
import { forEachParallel } from "../util/pool.ts";
import type { CleanupPlan, Dead, Facts } from "./plan.ts";

/** A push publishes sooner than so long after its last claim, or not at all. */
export const CLAIM_MS = 7 * 24 * 3600 * 1000;

/** For whom this clone may say what is needed: where it pushes to, or itself when that is nowhere. */
export async function speaksFor(context: Context): Promise<{ readonly own: readonly RepositoryId[]; readonly listed: readonly RepositoryId[] }> {
  const own = await ownRepositories(context.repository);
  const itself = cloneItself(context.repository).id;
  const others = own.filter(({ id }) => id !== itself);
  return { own, listed: others.length > 0 ? others : own };
}

/** Writes what these repositories need (docs/cleanup.md, C6). */
export async function writeLiveLists(store: Store, repositories: readonly RepositoryId[], needed: ReadonlySet<Oid>, { run, signal }: { run: ThisRun; signal: AbortSignal }): Promise<void> {
  for (const { id, label } of repositories) {
    await writeRecords(store, `${CLAIMS_PREFIX}${id}/live-${run.newId()}`, { ballast: "live", version: 1, repository: label }, needed, signal);
  }
}

/**
 * What new live lists make superfluous (C7), of the claims and live lists that were found before the refs were fetched:
 * older live lists, and claims so old that their pushes have ended.
 */
export function foldable(found: readonly Claimed[], { own, nowMs }: { own: readonly RepositoryId[]; nowMs: number }): Claimed[] {
  const ids = new Set(own.map(({ id }) => id));
  return found.filter(({ repository, kind, writtenMs }) => ids.has(repository) && (kind === "live" || nowMs - writtenMs > CLAIM_MS));
}

/** Removes records, once the live lists are there that replace them. */
export async function removeAll({ settings, signal }: Pick<Context, "settings" | "signal">, store: Store, records: readonly { readonly key: string }[]): Promise<void> {
  await forEachParallel(records, settings.concurrency, ({ key }, siblings) => store.remove(key, siblings), signal);
}

/**
 * Marks what a plan wants marked, and removes marks that say nothing any more.
 * @param removed what is gone by now
 */
export async function writeMarks(context: Pick<Context, "settings" | "signal">, store: Store, plan: CleanupPlan, { marks, removed, run }: { marks: Facts["marks"]; removed: readonly Dead[]; run: ThisRun }): Promise<void> {
  const { signal, settings } = context;
  if (plan.mark.length > 0) await writeRecords(store, `${MARKS_PREFIX}${run.newId()}`, { ballast: "mark", version: 1, host: run.process.host }, plan.mark.map(({ oid }) => oid), signal);
  const gone = new Set(removed.map(({ oid }) => oid));
  // Under a longer grace than before, what is marked stays so.
  const waiting = new Set([...plan.waiting, ...plan.waves.flat(), ...plan.young.filter(({ markedMs }) => markedMs !== undefined)].map(({ oid }) => oid).filter((oid) => !gone.has(oid)));
  const spent = marks.filter(({ oids }) => !oids.some((oid) => waiting.has(oid)));
  await forEachParallel(spent, settings.concurrency, ({ key }, siblings) => store.remove(key, siblings), signal);
}
