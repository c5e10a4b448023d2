import type { Context } from "../context.ts";
import { contentsOf } from "../object/contents.ts";
import { copyObject } from "../object/copy.ts";
import type { OpenBase } from "../object/encodings.ts";
import { fromPlain } from "../object/plain-error.ts";
import type { Oid } from "../object/oid.ts";
import { createIngestPool } from "../object/pool.ts";
import { isDirectoryStore, type DirectoryStore } from "../store/directory.ts";
import type { Store, StoredObject } from "../store/port.ts";
import { forEachInOrder } from "./in-order.ts";
import { contentProgress } from "./progress.ts";
import { receiveObjects, type EarlyFiles } from "./receive-objects.ts";
import type { Wanted } from "./wanted.ts";

export interface Route {
  readonly op: "upload" | "download" | "copy";
  readonly from: Store;
  readonly to: Store;
  /** See `CopyOptions`. */
  readonly link?: boolean | undefined;
  /** Opens the bases of deltas; without it, they come from whichever of the two stores is a directory. */
  readonly openBase?: OpenBase | undefined;
  readonly early?: EarlyFiles | undefined;
}

/** What was moved. Bytes are those of the contents, `storedBytes` those of the objects. */
export interface Moved {
  readonly objects: number;
  readonly bytes: number;
  readonly storedBytes: number;
}

/**
 * Carries out a plan: in parallel, with progress, and each object only when its base is there.
 * @param objects bases before what needs them
 * @param wanted the contents that the plan was made for; bases come along
 * @param tolerate returns whether a failure concerns this object, and what needs it, alone; default: none does
 * @throws what {@link copyObject} throws and `tolerate` does not take, after everything under way has ended
 */
export async function copyObjects(
  context: Pick<Context, "report" | "signal" | "settings">,
  { op, from, to, link, openBase, early }: Route,
  objects: readonly StoredObject[],
  wanted: ReadonlyMap<Oid, Wanted>,
  tolerate: (error: unknown, object: StoredObject) => boolean = () => false,
): Promise<Moved> {
  const { report, signal, settings } = context;
  const sizeOf = ({ name, sizeBytes }: StoredObject): number => wanted.get(name.oid)?.sizeBytes ?? sizeBytes;
  const moved = { objects: 0, bytes: 0, storedBytes: 0 };
  if (objects.length === 0) return moved;
  report({ kind: "start", op, totalFiles: objects.length, totalBytes: objects.reduce((sum, object) => sum + sizeOf(object), 0) });
  let ok = false;
  const arrived = (object: StoredObject): void => {
    const bytes = sizeOf(object);
    moved.objects += 1;
    moved.bytes += bytes;
    moved.storedBytes += object.sizeBytes;
    report({ kind: "file", op, path: wanted.get(object.name.oid)?.path ?? "", oid: object.name.oid, bytes, storedBytes: object.sizeBytes, how: "done" });
  };
  // One for all: a base that many need is decoded once.
  const contents = openBase ? undefined : contentsOf([to, from], { signal });
  const optionsFor = (object: StoredObject) => ({ op, report: contentProgress(report, op, object, sizeOf(object)) });
  const atOnce = isDirectoryStore(from) && isDirectoryStore(to) ? settings.concurrency : requestsAtOnce(settings);
  const copyOne = async (object: StoredObject, siblings: AbortSignal): Promise<boolean> => {
    try {
      await copyObject(from, to, object, { ...optionsFor(object), openBase: openBase ?? contents?.open, link, signal: siblings });
    } catch (error) {
      if (tolerate(error, object)) return false;
      throw error;
    }
    arrived(object);
    return true;
  };
  try {
    let rest = objects;
    if (isDirectoryStore(to)) {
      const failed = isDirectoryStore(from)
        ? await copyWholeObjects(context, { op, from, to, link }, objects, { sizeOf, arrived, tolerate })
        : await receiveObjects(context, { from, to, early }, objects, { atOnce, optionsFor, arrived, tolerate });
      rest = dependents(objects, failed);
    }
    await forEachInOrder(rest, atOnce, copyOne, signal);
    ok = moved.objects === objects.length;
  } finally {
    contents?.close();
    report({ kind: "end", op, ok });
  }
  return moved;
}

/**
 * Copies the whole ones among some objects from one directory to another, by all threads.
 * @returns the oids that did not arrive
 */
async function copyWholeObjects(
  { report, signal, settings }: Pick<Context, "report" | "signal" | "settings">,
  { op, from, to, link }: Route & { readonly from: DirectoryStore; readonly to: DirectoryStore },
  objects: readonly StoredObject[],
  { sizeOf, arrived, tolerate }: { sizeOf(object: StoredObject): number; arrived(object: StoredObject): void; tolerate(error: unknown, object: StoredObject): boolean },
): Promise<Set<Oid>> {
  const whole = objects.filter(({ name }) => name.base === undefined);
  const failed = new Set<Oid>();
  const { compression, concurrency } = settings;
  const pool = createIngestPool({ localRoot: from.root, copyTo: to.root, compression, concurrency, report, signal });
  try {
    await pool.copy(op, whole.map((object) => ({ object, contentBytes: sizeOf(object), link })), (copied, index) => {
      const object = whole[index]!;
      if ("outcome" in copied) return arrived(object);
      const error = fromPlain(copied.failure);
      if (!tolerate(error, object)) throw error;
      failed.add(object.name.oid);
    });
  } finally {
    await pool.close();
  }
  return failed;
}

/** A request mostly waits for its answer: more of them than files that are worked on keep a connection's way filled. */
function requestsAtOnce({ concurrency }: Context["settings"]): number {
  return 2 * concurrency;
}

/** The deltas among some objects, but for those that stand on what did not arrive. @param objects bases first */
function dependents(objects: readonly StoredObject[], failed: ReadonlySet<Oid>): StoredObject[] {
  const lost = new Set(failed);
  return objects.filter(({ name: { oid, base } }) => {
    if (base === undefined) return false;
    if (lost.has(base)) lost.add(oid);
    return !lost.has(base);
  });
}
