import type { Context } from "../context.ts";
import type { Operation, Report } from "../events.ts";
import { copyObject, readRemote } from "../object/copy.ts";
import { materialiseFile } from "../object/materialise.ts";
import { fromPlain } from "../object/plain-error.ts";
import type { Oid } from "../object/oid.ts";
import type { NewFile } from "../object/receive.ts";
import { openReceiver, type Receiver } from "../object/receiver.ts";
import { SMALL_BYTES } from "../object/stable-file.ts";
import type { DirectoryStore } from "../store/directory.ts";
import type { Store, StoredObject } from "../store/port.ts";
import { collectGarbage } from "../util/collect-garbage.ts";
import { forEachParallel } from "../util/pool.ts";

/** Files that are made of contents as they come from a bucket, of the bytes that were verified just now. */
export interface EarlyFiles {
  /** The files to be made of a content; asked for once its object has come, which is whole. */
  filesFor(oid: Oid): readonly NewFile[];
  /** They were made of the content, which is in the store. Must not throw. @param failure why some were not */
  made(temporaries: readonly string[], failure: Error | undefined): void;
}

/** What the copying of any object takes part in. */
interface Copying {
  readonly atOnce: number;
  optionsFor(object: StoredObject): { readonly op: Operation; readonly report: Report };
  arrived(object: StoredObject): void;
  /** Whether a failure concerns this object, and what needs it, alone. */
  tolerate(error: unknown, object: StoredObject): boolean;
}

/**
 * Fetches the whole ones among some objects into a directory. This thread fetches; others verify and write. Their names
 * become durable together, before this returns.
 * @returns the oids that did not arrive
 */
export async function receiveObjects(
  { settings, signal }: Pick<Context, "signal" | "settings">,
  { from, to, early }: { readonly from: Store; readonly to: DirectoryStore; readonly early: EarlyFiles | undefined },
  objects: readonly StoredObject[],
  { atOnce, optionsFor, arrived, tolerate }: Copying,
): Promise<Set<Oid>> {
  const whole = objects.filter(({ name }) => name.base === undefined);
  const failed = new Set<Oid>();
  const begun: string[] = [];
  const { compression, concurrency } = settings;
  // What planning it left behind would stay until the end.
  collectGarbage(whole.length);
  const receiver = openReceiver(to, { compression, concurrency, objects: whole.length });
  try {
    await forEachParallel(whole, atOnce, async (object, siblings) => {
      begun.push(object.key);
      try {
        const options = { ...optionsFor(object), signal: siblings };
        if (object.sizeBytes > SMALL_BYTES) await receiveLarge(from, to, object, early, options);
        else await receiveSmall(from, object, receiver, early, options);
      } catch (error) {
        if (!tolerate(error, object)) throw error;
        failed.add(object.name.oid);
        return;
      }
      arrived(object);
    }, signal);
  } finally {
    await receiver.close();
    await to.syncNames(begun);
  }
  return failed;
}

/** A copy by the file system cannot be interrupted, and shows no progress. */
const MOST_COPIED_BYTES = 4 * 1024 ** 3;

async function receiveLarge(from: Store, to: DirectoryStore, object: StoredObject, early: EarlyFiles | undefined, options: Receiving): Promise<void> {
  const outcome = await copyObject(from, to, object, options);
  const { name, key, sizeBytes } = object;
  // What somebody else wrote was not verified here.
  if (early === undefined || outcome === "exists" || name.encoding !== "raw" || sizeBytes > MOST_COPIED_BYTES) return;
  for (const file of early.filesFor(name.oid)) {
    try {
      if (await materialiseFile(to.pathOf(key), file.temporary, file)) early.made([file.temporary], undefined);
    } catch (error) {
      early.made([], error as Error);
    }
  }
}

type Receiving = ReturnType<Copying["optionsFor"]> & { readonly signal: AbortSignal };

async function receiveSmall(from: Store, object: StoredObject, receiver: Receiver, early: EarlyFiles | undefined, { op, report, signal }: Receiving): Promise<void> {
  const bytes = await readRemote(from, object, signal);
  signal.throwIfAborted();
  report({ kind: "bytes", op, bytes: bytes.length });
  const received = await receiver.receive({ object, bytes, files: early?.filesFor(object.name.oid) ?? [] });
  if ("failure" in received) throw fromPlain(received.failure);
  early?.made(received.made, received.fileFailure && fromPlain(received.fileFailure));
}
