import { BallastError } from "../errors.ts";
import type { Report } from "../events.ts";
import { contentsOf } from "../object/contents.ts";
import { copyObject } from "../object/copy.ts";
import type { OpenBase } from "../object/encodings.ts";
import { parseKey, type ObjectName } from "../object/name.ts";
import { isOid } from "../object/oid.ts";
import { eachObject } from "../store/list-objects.ts";
import type { Entry, Store, StoredObject } from "../store/port.ts";
import { collectGarbage } from "../util/collect-garbage.ts";
import { count } from "../util/format.ts";
import { compare, decodable } from "./chains.ts";
import { forEachInOrder } from "./in-order.ts";

export interface CopyStoreOptions {
  readonly report: Report;
  readonly signal: AbortSignal;
  readonly concurrency: number;
}

export interface CopiedStore {
  readonly copied: number;
  /** Bytes in the store. */
  readonly bytes: number;
  readonly present: number;
}

/** Objects that came into the sources while they were being copied are copied too, this often. */
const ROUNDS = 5;

/**
 * Copies every object of `sources` that `target` lacks, each base before its deltas. What is there is not copied again,
 * so a run that was ended is continued by the next.
 * @throws OBJECT_ARCHIVED and ENCODING_UNKNOWN before anything is copied; what stores throw
 */
export async function copyStore(sources: readonly Store[], target: Store, options: CopyStoreOptions): Promise<CopiedStore> {
  const known = await keysOf(target, options.signal);
  const result = { copied: 0, bytes: 0, present: 0 };
  for (let round = 0; round < ROUNDS; round++) {
    const plan = await planRound(sources, known, options.signal);
    if (round === 0) result.present = plan.present;
    if (plan.wanted.length === 0) {
      if (plan.useless > 0) options.report({ kind: "warning", message: `${count(plan.useless, "object")} stayed behind, being differences from contents that no store has` });
      return result;
    }
    // What planning it left behind would stay until the end.
    collectGarbage(plan.wanted.length);
    const contents = contentsOf([target, ...sources], { signal: options.signal });
    await copyRound(plan.wanted, target, { ...options, openBase: contents?.open }).finally(() => contents?.close());
    result.copied += plan.wanted.length;
    result.bytes += sum(plan.wanted);
  }
  return result;
}

interface Wanted extends StoredObject {
  readonly from: Store;
}

/** Keys that the target has, or will have after the round; whether they were met in a source already. */
type Known = Map<string, boolean>;

/** What the target lacks becomes known with this. */
async function planRound(sources: readonly Store[], known: Known, signal: AbortSignal): Promise<{ wanted: Wanted[]; present: number; useless: number }> {
  const list: Wanted[] = [];
  let present = 0;
  for (const from of sources) {
    const refuse = ({ key }: Entry): void => {
      if (!known.has(key) && isOid(key.split("/").at(-1)!.slice(0, 64))) throw unknown(key, from);
    };
    for await (const { key, name, sizeBytes, modifiedMs, archived } of eachObject(from, signal, refuse)) {
      const met = known.get(key);
      if (met === true) continue;
      known.set(key, true);
      if (met === false) present++;
      else list.push(archived ? { key, name, sizeBytes, modifiedMs, archived, from } : { key, name, sizeBytes, modifiedMs, from });
    }
  }
  const archived = list.filter((object) => object.archived);
  if (archived.length > 0) {
    throw new BallastError("OBJECT_ARCHIVED", `${archived.length} objects of ${archived[0]!.from.url} are archived and cannot be copied, the first is ${archived[0]!.key}`, {
      hint: "restore them at the provider (aws s3api restore-object), then run the same command again",
    });
  }
  const wanted = inOrder(list, known);
  return { wanted, present, useless: list.length - wanted.length };
}

/** Bases before what needs them. A delta that has no base, in the sources or at the target, is left out, and known no longer. */
function inOrder(list: Wanted[], known: Known): Wanted[] {
  const byKey = (a: Wanted, b: Wanted): number => compare(a.key, b.key);
  // Mostly nothing needs anything.
  if (list.every(({ name }) => name.base === undefined)) return list.sort(byKey);
  const depths = decodable(namesOf(known.keys()));
  const ranked = list.flatMap((wanted) => {
    const { base } = wanted.name;
    const before = base === undefined ? -1 : depths.get(base);
    if (before === undefined) known.delete(wanted.key);
    return before === undefined ? [] : [{ wanted, rank: before + 1 }];
  });
  return ranked.sort((a, b) => a.rank - b.rank || byKey(a.wanted, b.wanted)).map(({ wanted }) => wanted);
}

function* namesOf(keys: Iterable<string>): Generator<{ readonly name: ObjectName }> {
  for (const key of keys) {
    const name = parseKey(key);
    if (name) yield { name };
  }
}

async function copyRound(wanted: readonly Wanted[], target: Store, { report, signal, concurrency, openBase }: CopyStoreOptions & { openBase: OpenBase | undefined }): Promise<void> {
  report({ kind: "start", op: "copy", totalFiles: wanted.length, totalBytes: sum(wanted) });
  let ok = false;
  const copyOne = async (object: Wanted, siblings: AbortSignal): Promise<boolean> => {
    const outcome = await copyObject(object.from, target, object, { op: "copy", report, openBase, signal: siblings });
    report({ kind: "file", op: "copy", path: "", oid: object.name.oid, bytes: object.sizeBytes, storedBytes: object.sizeBytes, how: outcome === "exists" ? "present" : "done" });
    return true;
  };
  try {
    await forEachInOrder(wanted, concurrency, copyOne, signal);
    ok = true;
  } finally {
    report({ kind: "end", op: "copy", ok });
  }
}

async function keysOf(store: Store, signal: AbortSignal): Promise<Known> {
  const keys: Known = new Map();
  const add = ({ key }: Entry): void => void keys.set(key, false);
  for await (const object of eachObject(store, signal, add)) add(object);
  return keys;
}

function unknown(key: string, store: Store): BallastError {
  return new BallastError("ENCODING_UNKNOWN", `${key} in ${store.url} has an encoding that this version does not know`, { hint: "install a newer git-ballast" });
}

function sum(wanted: readonly Wanted[]): number {
  return wanted.reduce((bytes, { sizeBytes }) => bytes + sizeBytes, 0);
}
