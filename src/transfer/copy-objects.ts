import type { Context } from "../context.ts";
import { contentsOf } from "../object/contents.ts";
import { copyObject } from "../object/copy.ts";
import type { Oid } from "../object/oid.ts";
import type { Store, StoredObject } from "../store/port.ts";
import { forEachInOrder } from "./in-order.ts";
import { contentProgress } from "./progress.ts";
import type { Wanted } from "./wanted.ts";

export interface Route {
  readonly op: "upload" | "download" | "copy";
  readonly from: Store;
  readonly to: Store;
  /** See `CopyOptions`. */
  readonly link?: boolean;
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
  { report, signal, settings }: Pick<Context, "report" | "signal" | "settings">,
  { op, from, to, link }: Route,
  objects: readonly StoredObject[],
  wanted: ReadonlyMap<Oid, Wanted>,
  tolerate: (error: unknown, object: StoredObject) => boolean = () => false,
): Promise<Moved> {
  const sizeOf = ({ name, sizeBytes }: StoredObject): number => wanted.get(name.oid)?.sizeBytes ?? sizeBytes;
  const moved = { objects: 0, bytes: 0, storedBytes: 0 };
  if (objects.length === 0) return moved;
  report({ kind: "start", op, totalFiles: objects.length, totalBytes: objects.reduce((sum, object) => sum + sizeOf(object), 0) });
  let ok = false;
  // One for all: a base that many need is decoded once.
  const contents = contentsOf([to, from], { signal });
  const copyOne = async (object: StoredObject, siblings: AbortSignal): Promise<boolean> => {
    const { name, sizeBytes: storedBytes } = object;
    const bytes = sizeOf(object);
    try {
      await copyObject(from, to, object, { op, report: contentProgress(report, op, object, bytes), openBase: contents?.open, link, signal: siblings });
    } catch (error) {
      if (tolerate(error, object)) return false;
      throw error;
    }
    moved.objects += 1;
    moved.bytes += bytes;
    moved.storedBytes += storedBytes;
    report({ kind: "file", op, path: wanted.get(name.oid)?.path ?? "", oid: name.oid, bytes, storedBytes, how: "done" });
    return true;
  };
  try {
    await forEachInOrder(objects, settings.concurrency, copyOne, signal);
    ok = moved.objects === objects.length;
  } finally {
    contents?.close();
    report({ kind: "end", op, ok });
  }
  return moved;
}
