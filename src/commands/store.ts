import { keepStoreFlags } from "../config/change.ts";
import { loadSettings, type Origin, type Sources } from "../config/load.ts";
import { checkPin, committedIdentity, IDENTITY_KEYS, readPin, writePin } from "../config/pin.ts";
import { readCommitted } from "../config/read-committed.ts";
import { EMBEDDED, parseStoreUrl } from "../config/store-url.ts";
import { writeCommitted, type CommittedChanges } from "../config/write-committed.ts";
import type { Context } from "../context.ts";
import { Claim } from "../gc/claim.ts";
import { waitForSweeps } from "../gc/sweeps.ts";
import { thisRun } from "../gc/this-run.ts";
import { pushTarget } from "../git/identity.ts";
import { defaultRemote } from "../git/porcelain.ts";
import { carryLocks, type Carried } from "../locks/carry.ts";
import { OBJECTS_PREFIX } from "../object/name.ts";
import type { Oid } from "../object/oid.ts";
import { eachObject } from "../store/list-objects.ts";
import { createStore, openLocalStore, openRemoteStore, requireStore } from "../store/open.ts";
import type { Store } from "../store/port.ts";
import { copyStore, type CopiedStore } from "../transfer/copy-store.ts";
import { collectGarbage } from "../util/collect-garbage.ts";

export interface StoreShown {
  readonly url: string;
  readonly origin: Origin;
  /** The store that this clone trusts; undefined when none is pinned yet. */
  readonly pin: string | undefined;
  /** Whether the committed store is the pinned one. A store that is not trusted is not asked anything. */
  readonly trusted: boolean;
  readonly objects: number | undefined;
  readonly bytes: number | undefined;
}

/** What the store is, where that is configured, and how much it holds. @throws NOT_INITIALISED; what the store throws */
export async function showStore(context: Context, sources: Sources): Promise<StoreShown> {
  const { repository, settings, signal } = context;
  const url = requireStore(settings);
  const { origin } = (await loadSettings(repository, sources)).origins.get("store.url")!;
  const pin = await readPin(repository);
  const trusted = pin === undefined || pin === committedIdentity(repository);
  if (!trusted) return { url, origin, pin, trusted, objects: undefined, bytes: undefined };
  const store = await openRemoteStore(context);
  try {
    return { url, origin, pin: await readPin(repository), trusted, ...(await total(store, signal)) };
  } finally {
    store.close();
  }
}

export interface StoreSet {
  readonly before: string;
  readonly now: string;
  /** Objects that were copied, and their bytes in the store. */
  readonly copied: number;
  readonly bytes: number;
  /** Objects that the new store had already. */
  readonly present: number;
  /** Paths whose lock the new store has now. */
  readonly locks: readonly string[];
  readonly notes: string[];
}

/**
 * Moves to another store: copies every object of the present one and of the local store, and the locks, and only then switches the
 * committed configuration and the pin. A run that was ended is continued by the next.
 * @param words a URL, a path, or a bucket and a prefix
 * @throws USAGE, STORE_CHANGED, OBJECT_ARCHIVED, ENCODING_UNKNOWN, LOCKS_UNSUPPORTED; what stores throw. The old store stays in use then.
 */
export async function setStore(context: Context, { words, flags, env }: { words: readonly [string, string?] } & Sources): Promise<StoreSet> {
  const { repository } = context;
  const now = parseStoreUrl(words, context.cwd);
  // The command line describes the new store; the old one is as the configuration has it.
  const old = { ...context, settings: (await loadSettings(repository, { env })).settings };
  const before = requireStore(old.settings);
  await checkPin(repository, old.settings);
  const settings = await settingsFor(context, now, { flags, env });
  const target = await createStore({ ...context, settings });
  let moved = { copied: 0, bytes: 0, present: 0 };
  let locks: Carried = { carried: [], unreadable: [] };
  try {
    const source = before === now ? undefined : await openRemoteStore(old);
    const local = openLocalStore(repository);
    try {
      moved = await copyClaimed(context, [...(source ? [source] : []), local], target, settings.concurrency);
      if (source) locks = await carryLocks(source, target, context.signal);
    } finally {
      source?.close();
      local.close();
    }
  } finally {
    target.close();
  }
  const kept = await keepStoreFlags(repository, flags ?? {}, { all: false });
  writeCommitted(repository, { ...identityFor(context, now), ...kept, "store.url": now });
  await writePin(repository);
  return { before, now, ...moved, locks: locks.carried, notes: notesOn(before, now, locks) };
}

/** Copies everything, and claims it first: others may use the target already, and clean up there. */
async function copyClaimed(context: Context, sources: readonly Store[], target: Store, concurrency: number): Promise<CopiedStore> {
  const { repository, report, signal } = context;
  const oids = new Set<Oid>();
  for (const source of sources) {
    for await (const { name } of eachObject(source, signal)) {
      oids.add(name.oid);
      if (name.base !== undefined) oids.add(name.base);
    }
  }
  collectGarbage(oids.size);
  const run = thisRun();
  const claim = await Claim.make(target, { repository: await pushTarget(repository, await defaultRemote(repository)), oids, run, signal });
  const result = { copied: 0, bytes: 0, present: 0 };
  do {
    await waitForSweeps(target, oids, { claim, run, report, signal });
    const { copied, bytes, present } = await copyStore(sources, target, { report, signal, concurrency });
    result.copied += copied;
    result.bytes += bytes;
    result.present = Math.max(0, present - (result.copied - copied));
  } while (!(await claim.renew()));
  return result;
}

/** The settings under which the new store is opened: its own address, everything else as it is. */
async function settingsFor({ repository }: Context, url: string, { flags, env }: Sources): Promise<Context["settings"]> {
  const { settings } = await loadSettings(repository, { env, flags: { ...flags, "store.url": url } });
  return url.startsWith("s3:") ? settings : { ...settings, s3: { ...settings.s3, region: undefined, endpoint: undefined, pathStyle: false } };
}

/** Region, endpoint and addressing stay for another bucket, which is mostly with the same provider. */
function identityFor({ repository }: Context, url: string): CommittedChanges {
  if (url.startsWith("s3:")) return {};
  const { values } = readCommitted(repository);
  return Object.fromEntries(IDENTITY_KEYS.filter((key) => values.has(key)).map((key) => [key, undefined]));
}

function notesOn(before: string, now: string, { carried, unreadable }: Carried): string[] {
  if (before === now) return ["this is the store already; whatever it lacked was copied"];
  const notes = ["commit .ballast/config; others who pull it run git ballast trust once"];
  notes.push(before === EMBEDDED ? "the old store stays inside the Git directory, as ballast/store" : `nothing was removed from ${before}`);
  if (now === EMBEDDED) notes.push("only this machine reaches the new store");
  if (carried.length > 0) notes.push("who has not pulled the change yet sees locks of the old store, and takes and releases them there");
  for (const key of unreadable) notes.push(`the lock ${key} cannot be read and was left behind`);
  return notes;
}

async function total(store: Store, signal: AbortSignal): Promise<{ objects: number; bytes: number }> {
  let objects = 0;
  let bytes = 0;
  for await (const { sizeBytes } of store.list(OBJECTS_PREFIX, signal)) {
    objects++;
    bytes += sizeBytes;
  }
  return { objects, bytes };
}
