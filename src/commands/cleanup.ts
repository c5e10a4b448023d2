import type { Context } from "../context.ts";
import { BallastError } from "../errors.ts";
import { foldable, removeAll, writeLiveLists, writeMarks } from "../cleanup/fold.ts";
import { knowledgeOf, type Knowledge } from "../cleanup/knowledge.ts";
import { planCleanup, type Dead } from "../cleanup/plan.ts";
import { neededBy, survey, type Survey } from "../cleanup/survey.ts";
import { sweep } from "../cleanup/sweep.ts";
import type { Claimed } from "../gc/collect.ts";
import { removeLapsed } from "../gc/sweeps.ts";
import { thisRun, type ThisRun } from "../gc/this-run.ts";
import type { RepositoryId } from "../git/identity.ts";
import { openRemoteStore } from "../store/open.ts";
import type { Store } from "../store/port.ts";
import { areUsersKnown } from "../store/version.ts";
import { count, formatBytes } from "../util/format.ts";
import { describeUsers, usersOf, type User } from "./cleanup/users.ts";

export interface CleanupOptions {
  readonly dryRun: boolean;
  /** Only contents that came into the store longer ago; default: `cleanup.grace`. */
  readonly olderThanMs?: number | undefined;
  /** How long a content stays marked before it is removed; default: `cleanup.delay`. */
  readonly delayMs?: number | undefined;
  /** Marks and removes in one run, while pushes wait. */
  readonly now: boolean;
  /** Asked before anything is removed. */
  readonly confirm: (question: string) => Promise<boolean>;
}

export interface DeadContent {
  readonly oid: string;
  readonly storedBytes: number;
  readonly state: "removed" | "to remove" | "marked" | "to mark" | "waiting";
  /** From when on it may be removed, by the store's clock, in milliseconds since 1970; for what is or was marked. */
  readonly dueMs?: number | undefined;
  /** Why it is dead. */
  readonly why: string;
}

export interface CleanupResult {
  readonly store: string;
  readonly users: readonly User[];
  /** Contents that something needs. */
  readonly live: number;
  /** Of these, how many no ref needs: a push of the last week has claimed them, and may have published them meanwhile. */
  readonly claimed: number;
  /** Contents that nothing needs and that are old enough. */
  readonly dead: readonly DeadContent[];
  /** Dead contents that are too young to be marked. */
  readonly young: number;
  readonly notes: readonly string[];
}

/**
 * Marks what no commit needs, and removes what has been marked for long enough and is still dead (docs/cleanup.md).
 * @throws GIT_FAILED, MANIFEST_INVALID, MANIFEST_VERSION, STORE_VERSION, ENCODING_UNKNOWN when it cannot be known what is
 *   needed, and nothing was removed then; LOCKED while another run removes objects; what stores throw
 */
export async function cleanup(context: Context, options: CleanupOptions): Promise<CleanupResult> {
  const store = await openRemoteStore(context);
  try {
    return await cleanStore(context, store, options, { knowledge: knowledgeOf(context), run: thisRun() });
  } finally {
    store.close();
  }
}

/** {@link cleanup} of an open store. @param by who cleans up: what it knows of what is needed, and its machine */
export async function cleanStore(context: Pick<Context, "settings" | "report" | "signal">, store: Store, options: CleanupOptions, by: { knowledge: Knowledge; run: ThisRun }): Promise<CleanupResult> {
  const { settings, signal } = context;
  const { knowledge, run } = by;
  const limits = { graceMs: options.olderThanMs ?? settings.cleanup.graceMs, delayMs: options.delayMs ?? settings.cleanup.delayMs, now: options.now };
  const speaks = await knowledge.speaksFor();
  let found = await survey(context, store, by);
  await requireKnownUsers(store, found, speaks.own, signal);
  // What is superfluous counts no longer: it is removed before anything else is, so that whoever made it notices.
  const superfluous = foldable(found.claims, { own: speaks.own, nowMs: found.nowMs });
  const current = { ...found, needed: neededBy(found.own, found.claims.filter((one) => !superfluous.includes(one))) };
  let plan = planCleanup(current, limits);
  const claimed = claimedAlone(current, superfluous, speaks.own);
  const why = await reasons(knowledge, [...plan.waves.flat(), ...plan.mark, ...plan.waiting]);
  const result = (dead: DeadContent[], notes: string[]): CleanupResult => ({ store: store.url, users: usersOf(found.claims, speaks.own), live: plan.live, claimed, dead, young: plan.young.length, notes });
  if (options.dryRun) return result([...tell(plan.waves.flat(), "to remove", why), ...tell(plan.mark, "to mark", why), ...tell(plan.waiting, "waiting", why, limits.delayMs)], []);
  await writeLiveLists(store, speaks.listed, found.own, { run, signal });
  await removeAll(context, store, superfluous);

  const notes: string[] = [];
  const going = plan.waves.flat();
  let removed: readonly Dead[] = [];
  if (going.length > 0 && (await options.confirm(`Remove ${count(going.length, "object")}, ${formatBytes(storedBytes(going))}, from ${store.url}?`))) {
    ({ removed, survey: found, plan } = await sweep(context, store, plan, { ...limits, ...by }));
  } else if (going.length > 0) {
    notes.push("nothing was removed; git ballast cleanup --yes does not ask");
  }
  await writeMarks(context, store, plan, { marks: found.marks, removed, run });
  await removeLapsed(store, found.nowMs, signal);
  await store.tidy?.(signal);
  const left = plan.waves.flat().filter((one) => !removed.includes(one));
  return result([...tell(removed, "removed", why), ...tell(left, "to remove", why), ...tell(plan.mark, "marked", why, limits.delayMs, found.nowMs), ...tell(plan.waiting, "waiting", why, limits.delayMs)], notes);
}

/** How many contents of the store are kept by claims of these repositories alone. */
function claimedAlone(facts: Survey, superfluous: readonly Claimed[], own: readonly RepositoryId[]): number {
  const ids = new Set(own.map(({ id }) => id));
  const [mine, others] = [true, false].map((is) => facts.claims.filter((one) => !superfluous.includes(one) && ids.has(one.repository) === is));
  const needed = neededBy(facts.own, others!);
  // Of most pushes, refs need everything.
  if (mine!.every(({ oids }) => oids.every((oid) => needed.has(oid)))) return 0;
  const all = { graceMs: Infinity, delayMs: Infinity, now: false };
  return planCleanup(facts, all).live - planCleanup({ ...facts, needed }, all).live;
}

function storedBytes(dead: readonly Dead[]): number {
  return dead.reduce((sum, one) => sum + one.storedBytes, 0);
}

async function requireKnownUsers(store: Store, { claims }: Survey, own: Parameters<typeof usersOf>[1], signal: AbortSignal): Promise<void> {
  if (await areUsersKnown(store, signal)) return;
  throw new BallastError("STORE_VERSION", `${store.url} was filled before its users left claims, so some of them may be unknown; known are: ${describeUsers(usersOf(claims, own))}`, {
    hint: "git ballast cleanup --register in a clone of each repository that uses it, then once git ballast cleanup --all-known",
  });
}

async function reasons(knowledge: Knowledge, dead: readonly Dead[]): Promise<(oid: string) => string> {
  const uses = await knowledge.lastUses(new Set(dead.map(({ oid }) => oid)));
  return (oid) => {
    const use = uses.get(oid as Dead["oid"]);
    return use ? `last in commit ${use.commit.slice(0, 12)} of ${use.date} (${use.subject}) as ${use.path}, which no ref leads to` : "no commit that is known here has it";
  };
}

function tell(dead: readonly Dead[], state: DeadContent["state"], why: (oid: string) => string, delayMs?: number, markedNowMs?: number): DeadContent[] {
  return dead.map(({ oid, storedBytes, markedMs = markedNowMs }) => ({
    oid,
    storedBytes,
    state,
    ...(delayMs === undefined || markedMs === undefined ? {} : { dueMs: Math.round(markedMs + delayMs) }),
    why: why(oid),
  }));
}

