import { BallastError } from "../errors.ts";
import type { Report } from "../events.ts";
import { contentsOf } from "../object/contents.ts";
import { copyObject } from "../object/copy.ts";
import type { OpenBase } from "../object/encodings.ts";
import { OBJECTS_PREFIX, parseKey, type ObjectName } from "../object/name.ts";
import { isOid, type Oid } from "../object/oid.ts";
import type { Store, StoredObject } from "../store/port.ts";
import { collectGarbage } from "../util/collect-garbage.ts";
import { count } from "../util/format.ts";
import { compare, easiestWays } from "./chains.ts";
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
  const present = await keysOf(target, options.signal);
  const result = { copied: 0, bytes: 0, present: 0 };
  for (let round = 0; round < ROUNDS; round++) {
    const plan = await planRound(sources, present, options.signal);
    if (round === 0) result.present = plan.present;
    if (plan.wanted.length === 0) {
      if (plan.useless > 0) options.report({ kind: "warning", message: `${count(plan.useless, "object")} stayed behind, being differences from contents that no store has` });
      return result;
    }
    // What planning it left behind would stay until the end.
    collectGarbage(plan.wanted.length);
    const contents = contentsOf([target, ...sources], { signal: options.signal });
    await copyRound(plan.wanted, target, { ...options, openBase: contents?.open }).finally(() => contents?.close());
    for (const { object } of plan.wanted) present.add(object.key);
    result.copied += plan.wanted.length;
    result.bytes += sum(plan.wanted);
  }
  return result;
}

interface Wanted {
  readonly from: Store;
  readonly name: ObjectName;
  readonly object: StoredObject;
}

async function planRound(sources: readonly Store[], present: ReadonlySet<string>, signal: AbortSignal): Promise<{ wanted: Wanted[]; present: number; useless: number }> {
  const wanted = new Map<string, Wanted>();
  const there = new Set<string>();
  for (const from of sources) {
    for await (const entry of from.list(OBJECTS_PREFIX, signal)) {
      if (present.has(entry.key)) there.add(entry.key);
      if (present.has(entry.key) || wanted.has(entry.key)) continue;
      const name = parseKey(entry.key);
      if (name !== undefined) wanted.set(entry.key, { from, name, object: { ...entry, name } });
      else if (isOid(entry.key.split("/").at(-1)!.slice(0, 64))) throw unknown(entry.key, from);
    }
  }
  const list = [...wanted.values()];
  const archived = list.filter(({ object }) => object.archived);
  if (archived.length > 0) {
    throw new BallastError("OBJECT_ARCHIVED", `${archived.length} objects of ${archived[0]!.from.url} are archived and cannot be copied, the first is ${archived[0]!.object.key}`, {
      hint: "restore them at the provider (aws s3api restore-object), then run the same command again",
    });
  }
  const { ordered, useless } = inOrder(list, present);
  return { wanted: ordered, present: there.size, useless };
}

/** Bases before what needs them; and how many deltas have no base, in the sources or at the target. */
function inOrder(list: readonly Wanted[], present: ReadonlySet<string>): { ordered: Wanted[]; useless: number } {
  const catalogue = new Map<Oid, StoredObject[]>();
  const add = (object: StoredObject): void => {
    const objects = catalogue.get(object.name.oid);
    if (objects) objects.push(object);
    else catalogue.set(object.name.oid, [object]);
  };
  for (const { object } of list) add(object);
  for (const key of present) {
    const name = parseKey(key);
    if (name) add({ key, name, sizeBytes: 0, modifiedMs: 0 });
  }
  const ways = easiestWays([catalogue]);
  const ranked = list.flatMap((wanted) => {
    const { base } = wanted.name;
    const before = base === undefined ? -1 : ways.get(base)?.depth;
    return before === undefined ? [] : [{ wanted, rank: before + 1 }];
  });
  ranked.sort((a, b) => a.rank - b.rank || compare(a.wanted.object.key, b.wanted.object.key));
  return { ordered: ranked.map(({ wanted }) => wanted), useless: list.length - ranked.length };
}

async function copyRound(wanted: readonly Wanted[], target: Store, { report, signal, concurrency, openBase }: CopyStoreOptions & { openBase: OpenBase | undefined }): Promise<void> {
  report({ kind: "start", op: "copy", totalFiles: wanted.length, totalBytes: sum(wanted) });
  let ok = false;
  const copyOne = async ({ from, object }: Wanted, siblings: AbortSignal): Promise<boolean> => {
    const outcome = await copyObject(from, target, object, { op: "copy", report, openBase, signal: siblings });
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

async function keysOf(store: Store, signal: AbortSignal): Promise<Set<string>> {
  const keys = new Set<string>();
  for await (const { key } of store.list(OBJECTS_PREFIX, signal)) keys.add(key);
  return keys;
}

function unknown(key: string, store: Store): BallastError {
  return new BallastError("ENCODING_UNKNOWN", `${key} in ${store.url} has an encoding that this version does not know`, { hint: "install a newer git-ballast" });
}

function sum(wanted: readonly Wanted[]): number {
  return wanted.reduce((bytes, { object }) => bytes + object.sizeBytes, 0);
}
