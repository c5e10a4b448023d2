import type { Context } from "../context.ts";
import { BallastError, isBallastError } from "../errors.ts";
import { copyObject } from "../object/copy.ts";
import type { Oid } from "../object/oid.ts";
import { openLocalStore, openRemoteStore } from "../store/open.ts";
import type { Store, StoredObject } from "../store/port.ts";
import { forEachParallel } from "../util/pool.ts";
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

export interface Downloaded extends Unavailable {
  /** The objects in the local store, the easiest to decode where there are several encodings. */
  readonly found: ReadonlyMap<Oid, StoredObject>;
  /** Objects that were copied now, their logical bytes, and their bytes on the wire. */
  readonly objects: number;
  readonly bytes: number;
  readonly storedBytes: number;
}

export interface Located extends Unavailable {
  /** In the local store. */
  readonly local: ReadonlyMap<Oid, StoredObject>;
  /** In a remote store that is a directory on this machine: to be read from there. */
  readonly direct: ReadonlyMap<Oid, { readonly store: Store; readonly object: StoredObject }>;
}

/**
 * Brings what is wanted into the local store: in parallel, each object once, verified. What the local store has is not
 * asked for again, and when it has everything the remote store is not opened. One object that cannot be had does not
 * keep the others from coming.
 * @throws DISK_FULL, FILE_DENIED, and the reason of an abort; other failures are returned
 */
export async function download(context: Context, wanted: readonly Wanted[]): Promise<Downloaded> {
  const local = openLocalStore(context.repository);
  const absent = await lacking(local, wanted, context.signal);
  const done = new Tally();
  const archived = new Set<Oid>();
  let failure: BallastError | undefined;
  if (absent.size > 0) {
    failure = await storeFailure(async () => {
      const remote = await openRemoteStore(context);
      try {
        failure = await copyInto(context, { local, remote }, absent, { done, archived });
      } finally {
        remote.close();
      }
    }) ?? failure;
  }
  const found = await findEasiest(local, wanted.map(({ oid }) => oid), context.signal);
  return { found, objects: done.objects, bytes: done.bytes, storedBytes: done.storedBytes, ...unavailable(wanted, found, archived, failure) };
}

/**
 * Where to read what is wanted from: the local store; or, without a copy, a remote store on this machine; or the local
 * store again after a {@link download}.
 * @throws as {@link download}
 */
export async function locate(context: Context, wanted: readonly Wanted[]): Promise<Located> {
  const oids = new Set(wanted.map(({ oid }) => oid));
  const local = await findEasiest(openLocalStore(context.repository), oids, context.signal);
  const rest = [...oids].filter((oid) => !local.has(oid));
  const direct = new Map<Oid, { store: Store; object: StoredObject }>();
  if (rest.length === 0) return { local, direct, missing: [], archived: [], failure: undefined };
  if (!isOnThisMachine(context.settings.storeUrl)) {
    const { found, missing, archived, failure } = await download(context, wanted);
    return { local: found, direct, missing, archived, failure };
  }
  const failure = await storeFailure(async () => {
    const store = await openRemoteStore(context);
    for (const [oid, object] of await findEasiest(store, rest, context.signal)) direct.set(oid, { store, object });
  });
  const has = { has: (oid: Oid) => local.has(oid) || direct.has(oid) };
  return { local, direct, ...unavailable(wanted, has, new Set(), failure) };
}

class Tally {
  objects = 0;
  bytes = 0;
  storedBytes = 0;
}

interface Progress {
  readonly done: Tally;
  readonly archived: Set<Oid>;
}

/** Copies from the remote store what it has of `absent`; returns why an object was left out, if one was. */
async function copyInto(
  { report, signal, settings }: Context,
  { local, remote }: { local: Store; remote: Store },
  absent: ReadonlyMap<Oid, Wanted>,
  { done, archived }: Progress,
): Promise<BallastError | undefined> {
  const plan = await planCopy(remote, absent.keys(), async (oids) => new Set((await local.find(oids, signal)).keys()), signal);
  for (const oid of plan.archived) archived.add(oid);
  const objects = plan.steps.flat();
  if (objects.length === 0) return undefined;
  const logical = (object: StoredObject): number => absent.get(object.name.oid)?.sizeBytes ?? object.sizeBytes;
  report({ kind: "start", op: "download", totalFiles: objects.length, totalBytes: objects.reduce((sum, object) => sum + logical(object), 0) });
  let left: BallastError | undefined;
  let ok = false;
  const copyOne = async (object: StoredObject, siblings: AbortSignal): Promise<void> => {
    const { oid } = object.name;
    try {
      await copyObject(remote, local, object, { report, signal: siblings });
    } catch (error) {
      if (isBallastError(error, "OBJECT_ARCHIVED")) archived.add(oid);
      else if (isBallastError(error, "OBJECT_CORRUPT", "ENCODING_UNKNOWN")) left ??= error;
      else if (!isBallastError(error, "OBJECT_MISSING")) throw error;
      return;
    }
    done.objects += 1;
    done.bytes += logical(object);
    done.storedBytes += object.sizeBytes;
    report({ kind: "file", op: "download", path: absent.get(oid)?.path ?? "", oid, bytes: logical(object), storedBytes: object.sizeBytes, how: "done" });
  };
  try {
    for (const step of plan.steps) await forEachParallel(step, settings.concurrency, copyOne, signal);
    ok = left === undefined;
  } finally {
    report({ kind: "end", op: "download", ok });
  }
  return left;
}

/** Runs `work` and returns the failure of a store; anything else that is thrown passes. */
async function storeFailure(work: () => Promise<void>): Promise<BallastError | undefined> {
  try {
    await work();
    return undefined;
  } catch (error) {
    if (!isBallastError(error) || isBallastError(error, "DISK_FULL", "FILE_DENIED", "INTERRUPTED")) throw error;
    return error;
  }
}

async function lacking(local: Store, wanted: readonly Wanted[], signal: AbortSignal): Promise<Map<Oid, Wanted>> {
  const byOid = new Map(wanted.map((want) => [want.oid, want]));
  for (const oid of (await local.find(byOid.keys(), signal)).keys()) byOid.delete(oid);
  return byOid;
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

function unavailable(wanted: readonly Wanted[], found: { has(oid: Oid): boolean }, archived: ReadonlySet<Oid>, failure: BallastError | undefined): Unavailable {
  const rest = wanted.filter(({ oid }) => !found.has(oid));
  return { missing: rest.filter(({ oid }) => !archived.has(oid)), archived: rest.filter(({ oid }) => archived.has(oid)), failure };
}

function isOnThisMachine(storeUrl: string | undefined): boolean {
  return storeUrl === "embedded" || storeUrl?.startsWith("file:") === true;
}
