import type { Context } from "../context.ts";
import { isBallastError, type BallastError } from "../errors.ts";
import type { Oid } from "../object/oid.ts";
import { isDirectoryStore, type DirectoryStore } from "../store/directory.ts";
import { openRemoteStore } from "../store/open.ts";
import type { Store, StoredObject } from "../store/port.ts";
import { copyObjects, type Moved } from "./copy-objects.ts";
import { localStore } from "./local.ts";
import { planCopy } from "./plan-copy.ts";
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
  /** The objects in the local store, the easiest to decode where there are several encodings. */
  readonly found: ReadonlyMap<Oid, StoredObject>;
}

export interface Located extends Unavailable {
  /** In the local store. */
  readonly local: ReadonlyMap<Oid, StoredObject>;
  /** In a remote store that is a directory on this machine: to be read from there. */
  readonly direct: ReadonlyMap<Oid, { readonly store: DirectoryStore; readonly object: StoredObject }>;
}

/**
 * Brings what is wanted into the local store: in parallel, each object once, verified. What the local store has is not
 * asked for again, and when it has everything the remote store is not opened. One object that cannot be had does not
 * keep the others from coming.
 * @throws DISK_FULL, FILE_DENIED, and the reason of an abort; other failures are returned
 */
export function download(context: Context, wanted: readonly Wanted[]): Promise<Downloaded> {
  return fromRemote(context, wanted, () => false);
}

/**
 * Where to read what is wanted from: the local store, after a {@link download}; or, without a copy, a remote store
 * that is a directory on this machine.
 * @throws as {@link download}
 */
export async function locate(context: Context, wanted: readonly Wanted[]): Promise<Located> {
  const direct = new Map<Oid, { store: DirectoryStore; object: StoredObject }>();
  const { found, missing, archived, failure } = await fromRemote(context, wanted, async (remote, absent) => {
    if (!isDirectoryStore(remote)) return false;
    for (const [oid, object] of await findEasiest(remote, absent, context.signal)) direct.set(oid, { store: remote, object });
    return true;
  });
  return { local: found, direct, missing: missing.filter(({ oid }) => !direct.has(oid)), archived, failure };
}

/** @param instead answers for the absent objects in another way than by copying them, and returns whether it did */
async function fromRemote(
  context: Context,
  wanted: readonly Wanted[],
  instead: (remote: Store, absent: Iterable<Oid>) => Promise<boolean> | boolean,
): Promise<Downloaded> {
  const { signal } = context;
  const local = await localStore(context);
  const oids = new Set(wanted.map(({ oid }) => oid));
  let found = await findEasiest(local, oids, signal);
  const absent = new Map(wanted.filter(({ oid }) => !found.has(oid)).map((want) => [want.oid, want]));
  const outcome: Outcome = { moved: { objects: 0, bytes: 0, storedBytes: 0 }, archived: new Set(), failure: undefined };
  if (absent.size > 0) {
    try {
      const remote = await openRemoteStore(context);
      if (!(await instead(remote, absent.keys()))) {
        try {
          await copyHere(context, { local, remote }, absent, outcome);
        } finally {
          remote.close();
        }
      }
    } catch (error) {
      if (!isStoreFailure(error)) throw error;
      outcome.failure = error;
    }
    found = await findEasiest(local, oids, signal);
  }
  const rest = wanted.filter(({ oid }) => !found.has(oid));
  const { archived, failure, moved } = outcome;
  return { found, ...moved, missing: rest.filter(({ oid }) => !archived.has(oid)), archived: rest.filter(({ oid }) => archived.has(oid)), failure };
}

interface Outcome {
  moved: Moved;
  readonly archived: Set<Oid>;
  failure: BallastError | undefined;
}

async function copyHere(context: Context, { local, remote }: { local: DirectoryStore; remote: Store }, absent: ReadonlyMap<Oid, Wanted>, outcome: Outcome): Promise<void> {
  const { signal } = context;
  const plan = await planCopy(remote, absent.keys(), async (oids) => new Set((await local.find(oids, signal)).keys()), signal);
  for (const oid of plan.archived) outcome.archived.add(oid);
  if (plan.steps.length === 0) return;
  outcome.moved = await copyObjects(context, { op: "download", from: remote, to: local }, plan.steps, absent, (error, { name }) => {
    if (isBallastError(error, "OBJECT_ARCHIVED")) outcome.archived.add(name.oid);
    else if (isBallastError(error, "OBJECT_CORRUPT", "ENCODING_UNKNOWN")) outcome.failure ??= error;
    // Removed between the listing and the reading: it will be told as missing.
    else return isBallastError(error, "OBJECT_MISSING");
    return true;
  });
}

/** Whether it is the remote store that failed, and not this machine's disk, the user's patience or this program. */
function isStoreFailure(error: unknown): error is BallastError {
  return isBallastError(error) && !isBallastError(error, "DISK_FULL", "FILE_DENIED", "INTERRUPTED");
}

async function findEasiest(store: Store, oids: Iterable<Oid>, signal: AbortSignal): Promise<Map<Oid, StoredObject>> {
  const easiest = new Map<Oid, StoredObject>();
  for (const [oid, objects] of await store.find(oids, signal)) {
    const [first] = objects.toSorted((a, b) => EFFORT.indexOf(a.name.encoding) - EFFORT.indexOf(b.name.encoding));
    if (first) easiest.set(oid, first);
  }
  return easiest;
}

const EFFORT = ["raw", "gzip", "delta", "delta+gzip"];
