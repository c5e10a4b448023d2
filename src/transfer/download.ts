import { statSync } from "node:fs";
import type { Context } from "../context.ts";
import { isBallastError, type BallastError } from "../errors.ts";
import type { ObjectName } from "../object/name.ts";
import type { Oid } from "../object/oid.ts";
import { isDirectoryStore, type DirectoryStore } from "../store/directory.ts";
import { openLocalStore, openRemoteStore } from "../store/open.ts";
import { openSharedCache } from "../store/shared-cache.ts";
import type { Store, StoredObject } from "../store/port.ts";
import { catalogueOf, cataloguesOf, easiestWays, findInTurn } from "./chains.ts";
import { copyObjects, type Moved } from "./copy-objects.ts";
import { localStore } from "./local.ts";
import { planCopy } from "./plan-copy.ts";
import type { EarlyFiles } from "./receive-objects.ts";
import { addToCache, takeFromCache } from "./shared-cache.ts";
import type { Wanted } from "./wanted.ts";

export type { Wanted };

interface Unavailable {
  /** Asked for, and in no store that could be asked. */
  readonly missing: readonly Wanted[];
  /** Only in an archive of the remote store, from which it has to be restored first. */
  readonly archived: readonly Wanted[];
  /**
   * Why some of `missing` could not be had although they may exist: the remote store did not answer, is not trusted,
   * or gave content that fails verification. Undefined when the store answered for every one.
   */
  readonly failure: BallastError | undefined;
}

export interface Downloaded extends Unavailable, Moved {
  /** The objects in the local store, which has their bases too; the easiest to decode where there are several. */
  readonly found: ReadonlyMap<Oid, StoredObject>;
  /** How many of the wanted came from the shared cache. */
  readonly cached: number;
}

/** Where to begin reading a content. */
export interface Source {
  readonly store: DirectoryStore;
  readonly name: ObjectName;
}

export interface Located extends Unavailable {
  /** In the local store, with their bases. */
  readonly local: ReadonlyMap<Oid, Source>;
  /**
   * To be read with the help of a remote store that is a directory on this machine: the object, a base, or both are
   * there. The bases are in either of the two stores.
   */
  readonly direct: ReadonlyMap<Oid, Source>;
  /** Where the bases of all these are: the local store, then the directory if it was asked. */
  readonly stores: readonly DirectoryStore[];
}

/**
 * Brings what is wanted into the local store, with the bases that it needs: in parallel, each object once, verified.
 * What the local store can decode is not asked for again, and when that is everything the remote store is not opened.
 * One object that cannot be had does not keep the others from coming; another encoding of it is tried.
 * @throws DISK_FULL, FILE_DENIED, and the reason of an abort; other failures are returned
 */
export function download(context: Context, wanted: readonly Wanted[]): Promise<Downloaded> {
  return fromRemote(context, wanted, () => false);
}

/** {@link download} from one open store into another. */
export function downloadFrom(context: Pick<Context, "report" | "settings" | "signal">, stores: Stores, wanted: readonly Wanted[]): Promise<Downloaded> {
  return between(context, stores.local, async (use) => use(stores.remote), wanted, () => false);
}

interface Stores {
  readonly local: DirectoryStore;
  readonly remote: Store;
}

/**
 * Where to read what is wanted from: the local store, after a {@link download}; or, without a copy, a remote store
 * that is a directory on this machine.
 * @throws as {@link download}
 */
export async function locate(context: Context, wanted: readonly Wanted[], early?: EarlyFiles): Promise<Located> {
  const direct = new Map<Oid, Source>();
  let stores: readonly DirectoryStore[] = [openLocalStore(context.repository)];
  const { found, missing, archived, failure } = await fromRemote(context, wanted, async (remote, local, absent) => {
    if (!isDirectoryStore(remote) || (await isBehindCache(context, remote))) return false;
    stores = [local, remote];
    for (let look = 1; look <= LOOKS && direct.size < absent.length; look++) {
      const before = direct.size;
      const ways = easiestWays(await cataloguesOf(stores, absent, context.signal));
      for (const oid of absent) {
        const way = ways.get(oid);
        if (way) direct.set(oid, { store: stores[way.from]!, name: way.object.name });
      }
      if (look > 1 && direct.size === before) break;
    }
    return true;
  }, early);
  const [store] = stores;
  const local = new Map<Oid, Source>();
  for (const [oid, { name }] of found) local.set(oid, { store: store!, name });
  return { local, direct, missing: missing.filter(({ oid }) => !direct.has(oid)), archived, failure, stores };
}

/** Whether a directory is read through the shared one: it is on another file system, perhaps that of another machine. */
async function isBehindCache(context: Context, remote: DirectoryStore): Promise<boolean> {
  const cache = await openSharedCache(context);
  return cache !== undefined && deviceOf(cache) !== deviceOf(remote);
}

function deviceOf({ root }: DirectoryStore): number | undefined {
  return statSync(root, { throwIfNoEntry: false })?.dev;
}

/** Answers for the absent objects in another way than by copying them, and returns whether it did. */
type Instead = (remote: Store, local: DirectoryStore, absent: readonly Oid[]) => Promise<boolean> | boolean;

async function fromRemote(context: Context, wanted: readonly Wanted[], instead: Instead, early?: EarlyFiles): Promise<Downloaded> {
  const withRemote = async (use: (remote: Store) => Promise<void>): Promise<void> => {
    const remote = await openRemoteStore(context);
    try {
      await use(remote);
    } finally {
      remote.close();
    }
  };
  return between(context, await localStore(context), withRemote, wanted, instead, early);
}

/** @param withRemote opens the remote store, which is asked only for what the local one lacks */
async function between(
  context: Pick<Context, "report" | "settings" | "signal">,
  local: DirectoryStore,
  withRemote: (use: (remote: Store) => Promise<void>) => Promise<void>,
  wanted: readonly Wanted[],
  instead: Instead,
  early?: EarlyFiles,
): Promise<Downloaded> {
  const { signal } = context;
  const oids = new Set(wanted.map(({ oid }) => oid));
  let found = await findEasiest(local, oids, signal);
  let absent = lacking(wanted, found);
  const absentHere = absent.size;
  if (absent.size > 0 && (await openSharedCache(context))) {
    await takeFromCache(context, local, absent);
    found = await findEasiest(local, oids, signal);
    absent = lacking(wanted, found);
  }
  const cached = absentHere - absent.size;
  const outcome: Outcome = { moved: { objects: 0, bytes: 0, storedBytes: 0 }, archived: new Set(), failure: undefined };
  if (absent.size > 0) {
    let copied = false;
    try {
      await withRemote(async (remote) => {
        if (await instead(remote, local, [...absent.keys()])) return;
        copied = true;
        await copyHere(context, { local, remote, early }, absent, outcome);
      });
    } catch (error) {
      if (!isStoreFailure(error)) throw error;
      outcome.failure = error;
    }
    if (copied) {
      found = await findEasiest(local, oids, signal);
      await addToCache(context, local, [...absent.values()].filter(({ oid }) => found.has(oid)));
    }
  }
  const rest = wanted.filter(({ oid }) => !found.has(oid));
  const { archived, failure, moved } = outcome;
  return { found, ...moved, cached, missing: rest.filter(({ oid }) => !archived.has(oid)), archived: rest.filter(({ oid }) => archived.has(oid)), failure };
}

function lacking(wanted: readonly Wanted[], found: ReadonlyMap<Oid, unknown>): Map<Oid, Wanted> {
  const absent = new Map<Oid, Wanted>();
  for (const want of wanted) if (!found.has(want.oid)) absent.set(want.oid, want);
  return absent;
}

interface Outcome {
  moved: Moved;
  archived: Set<Oid>;
  failure: BallastError | undefined;
}

/** How often the store is asked anew: an object may be replaced by one of another encoding while it is looked for. */
const LOOKS = 4;

async function copyHere(context: Pick<Context, "report" | "settings" | "signal">, { local, remote, early }: Stores & { early?: EarlyFiles | undefined }, absent: ReadonlyMap<Oid, Wanted>, outcome: Outcome): Promise<void> {
  const { signal } = context;
  const refused = new Set<string>();
  const corrupt = new Map<Oid, BallastError>();
  for (let look = 1; look <= LOOKS; look++) {
    const plan = await planCopy(remote, local, absent.keys(), { signal, refused });
    outcome.archived = new Set(plan.archived);
    // Everything is here; or a second look found no more than the first.
    if (plan.objects.length === 0 && (plan.unavailable.length === 0 || look > 1)) break;
    let again = plan.unavailable.length > 0;
    const { objects, bytes, storedBytes } = await copyObjects(context, { op: "download", from: remote, to: local, early }, plan.objects, absent, (error, { name, key }) => {
      if (!isBallastError(error, "OBJECT_ARCHIVED", "OBJECT_CORRUPT", "ENCODING_UNKNOWN", "OBJECT_MISSING")) return false;
      again = true;
      // What was removed between the listing and the reading is perhaps there under another encoding.
      if (error.code === "OBJECT_MISSING") return true;
      refused.add(key);
      if (error.code === "OBJECT_ARCHIVED") outcome.archived.add(name.oid);
      else corrupt.set(name.oid, error);
      return true;
    });
    const { moved } = outcome;
    outcome.moved = { objects: moved.objects + objects, bytes: moved.bytes + bytes, storedBytes: moved.storedBytes + storedBytes };
    if (!again) break;
  }
  if (corrupt.size > 0) outcome.failure = await stillDamaged(local, absent.keys(), corrupt, signal);
}

/** Why something could not be had, unless another encoding helped. */
async function stillDamaged(local: DirectoryStore, wanted: Iterable<Oid>, corrupt: ReadonlyMap<Oid, BallastError>, signal: AbortSignal): Promise<BallastError | undefined> {
  const oids = [...wanted];
  const found = await findEasiest(local, oids, signal);
  return oids.every((oid) => found.has(oid)) ? undefined : [...corrupt.values()][0];
}

/** Whether it is the remote store that failed, and not this machine's disk, the user's patience or this program. */
function isStoreFailure(error: unknown): error is BallastError {
  return isBallastError(error) && !isBallastError(error, "DISK_FULL", "FILE_DENIED", "INTERRUPTED");
}

/** Up to so many are looked for by name before directories are read. */
const FEW = 1024;

/** Of each oid that the store can decode by itself, the object that is the easiest to decode. */
async function findEasiest(store: Store, oids: Iterable<Oid>, signal: AbortSignal): Promise<Map<Oid, StoredObject>> {
  const wanted = new Set(oids);
  const found = new Map<Oid, StoredObject>();
  if (wanted.size <= FEW && isDirectoryStore(store)) {
    for (const oid of wanted) {
      const whole = store.whole(oid);
      if (whole && wanted.delete(oid)) found.set(oid, whole);
    }
    if (wanted.size === 0) return found;
  }
  const deltas: Oid[] = [];
  for await (const { some, found: [objects] } of findInTurn([store], [...wanted], signal)) {
    for (const [oid, { object, depth }] of easiestWays([objects!])) if (depth === 0) found.set(oid, object);
    for (const oid of some) if (!found.has(oid) && objects!.has(oid)) deltas.push(oid);
  }
  if (deltas.length === 0) return found;
  const asked = new Set(deltas);
  for (const [oid, { object }] of easiestWays([await catalogueOf(store, asked, signal)])) if (asked.has(oid)) found.set(oid, object);
  return found;
}
