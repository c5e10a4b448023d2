import { utimesSync } from "node:fs";
import type { Context } from "../context.ts";
import { isBallastError } from "../errors.ts";
import { thisRun } from "../gc/this-run.ts";
import type { Oid } from "../object/oid.ts";
import type { DirectoryStore } from "../store/directory.ts";
import type { StoredObject } from "../store/port.ts";
import { leaveSharedCache, openSharedCache } from "../store/shared-cache.ts";
import { copyObjects } from "./copy-objects.ts";
import { planCopy } from "./plan-copy.ts";
import type { Wanted } from "./wanted.ts";

/*
 * The local store stays complete by itself. What the remote store would be asked for is looked for in the shared directory
 * first, and what came from the remote store or went there is put into it. So nothing that is not pushed ever is in it
 * alone, and whoever removes something from it takes nothing away.
 */
type Part = Pick<Context, "report" | "settings" | "signal">;

/**
 * Brings what the shared directory has of these into the local store, verified. What turns out damaged is removed from
 * the shared directory, so that the next download replaces it.
 * @throws DISK_FULL, FILE_DENIED, STORE_READ_ONLY of the local store; the reason of an abort
 */
export async function takeFromCache(context: Part, local: DirectoryStore, wanted: ReadonlyMap<Oid, Wanted>): Promise<void> {
  const cache = await openSharedCache(context);
  if (!cache || wanted.size === 0) return;
  try {
    const { objects } = await planCopy(cache, local, wanted.keys(), { signal: context.signal });
    const bad = new Set<string>();
    await copyObjects(context, { op: "copy", from: cache, to: local, link: true }, objects, wanted, (error, { key }) => {
      if (!isBallastError(error, "OBJECT_CORRUPT", "OBJECT_MISSING", "ENCODING_UNKNOWN")) return false;
      if (error.code === "OBJECT_CORRUPT") bad.add(key);
      return true;
    });
    await discard(context, cache, bad);
    touch(cache, objects);
  } catch (error) {
    if (!isBallastError(error) || isBallastError(error, "DISK_FULL", "FILE_DENIED", "STORE_READ_ONLY", "INTERRUPTED")) throw error;
    leaveSharedCache(context, error);
  }
}

/**
 * Puts what the local store has of these into the shared directory. Each of them must be in the remote store. Whatever
 * fails there is a warning.
 * @throws the reason of an abort
 */
export async function addToCache(context: Part, local: DirectoryStore, published: Iterable<Wanted>): Promise<void> {
  const cache = await openSharedCache(context);
  const wanted = new Map([...published].map((want) => [want.oid, want]));
  if (!cache || wanted.size === 0) return;
  try {
    const { objects } = await planCopy(local, cache, wanted.keys(), { signal: context.signal });
    await copyObjects(context, { op: "copy", from: local, to: cache, link: true }, objects, wanted, (error) => isBallastError(error, "OBJECT_CORRUPT", "OBJECT_MISSING"));
  } catch (error) {
    if (!isBallastError(error) || error.code === "INTERRUPTED") throw error;
    leaveSharedCache(context, error);
  }
}

async function discard(context: Part, cache: DirectoryStore, keys: Iterable<string>): Promise<void> {
  try {
    for (const key of keys) await cache.remove(key, context.signal);
  } catch (error) {
    if (!isBallastError(error)) throw error;
    leaveSharedCache(context, error);
  }
}

/** The modification time of an object there is when it was last of use: prune goes by it. */
function touch(cache: DirectoryStore, objects: readonly StoredObject[]): void {
  const now = new Date(thisRun().nowMs());
  for (const { key } of objects) {
    try {
      utimesSync(cache.pathOf(key), now, now);
    } catch {
      // Not ours, not writable, or gone: it is a courtesy.
    }
  }
}
