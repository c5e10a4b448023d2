import type { Context } from "../context.ts";
import { verdictOf, type Verdict } from "../object/check.ts";
import { Contents } from "../object/contents.ts";
import { verify } from "../object/encodings.ts";
import type { Oid } from "../object/oid.ts";
import { createIngestPool } from "../object/pool.ts";
import { isDirectoryStore, type DirectoryStore } from "../store/directory.ts";
import type { Store, StoredObject } from "../store/port.ts";
import type { Scratch } from "../transfer/repack/scratch.ts";
import { collectContents } from "../util/collect-garbage.ts";
import { forEachParallel } from "../util/pool.ts";

export interface DecodeOptions {
  /** Directory stores that may hold the bases of its deltas beside itself. */
  readonly others: readonly DirectoryStore[];
  /** Makes a place for objects of a store that is not on this machine; removed at the end. */
  readonly scratch: () => Promise<Scratch>;
}

/**
 * Decodes every object, and holds it against its name. Objects in an archive cannot be read and are left out. Memory is
 * bounded; of a store elsewhere, every object is fetched once.
 * @returns the verdict on each, by key
 * @throws what the store throws that does not concern one object, the signal's reason
 */
export async function decodeAll(context: Context, store: Store, objects: readonly StoredObject[], options: DecodeOptions): Promise<Map<string, Verdict>> {
  const { report } = context;
  const readable = inTrees(objects.filter(({ archived }) => archived !== true));
  const verdicts = new Map<string, Verdict>();
  if (readable.length === 0) return verdicts;
  report({ kind: "start", op: "scan", totalFiles: readable.length, totalBytes: readable.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0) });
  let ok = false;
  const done = (object: StoredObject, verdict: Verdict): void => {
    verdicts.set(object.key, verdict);
    report({ kind: "file", op: "scan", path: object.key, oid: object.name.oid, bytes: object.sizeBytes });
  };
  try {
    if (isDirectoryStore(store)) await inPool(context, store, readable, options, done);
    else await fetching(context, store, readable, options, done);
    ok = true;
  } finally {
    collectContents();
    report({ kind: "end", op: "scan", ok });
  }
  return verdicts;
}

type Done = (object: StoredObject, verdict: Verdict) => void;

async function inPool({ settings, report, signal }: Context, store: DirectoryStore, objects: readonly StoredObject[], { others }: DecodeOptions, done: Done): Promise<void> {
  const { compression, concurrency } = settings;
  const pool = createIngestPool({ localRoot: store.root, baseRoots: others.map(({ root }) => root), compression, concurrency, report, signal });
  try {
    await pool.check(objects, (verdict, i) => done(objects[i]!, verdict));
  } finally {
    await pool.close();
  }
}

/** Whole objects are read once and kept by nobody; what others stand on stays in a scratch directory until they are done. */
async function fetching({ settings, signal }: Context, store: Store, objects: readonly StoredObject[], { others, scratch }: DecodeOptions, done: Done): Promise<void> {
  const bases = new Set(objects.flatMap(({ name }) => name.base ?? []));
  const alone = objects.filter(({ name }) => name.base === undefined && !bases.has(name.oid));
  await forEachParallel(alone, settings.concurrency, async (object, siblings) => {
    done(object, await verdict(() => verify(object.name, store.read(object.key, undefined, siblings), { signal: siblings }), siblings));
  }, signal);
  const rest = objects.filter(({ name }) => name.base !== undefined || bases.has(name.oid));
  if (rest.length === 0) return;
  const place = await scratch();
  const contents = new Contents([place.store, ...others], { temporaryIn: place.store, signal });
  const walk = new TreeWalk(rest, async (object, siblings) => {
    const answer = await verdict(async () => {
      await place.fetch(store, [object], { openBase: (oid) => contents.open(oid, { verified: true }), signal: siblings });
      return object.sizeBytes;
    }, siblings);
    done(object, answer);
    return answer.ok;
  }, (object) => place.release([object]));
  try {
    await forEachParallel(walk.roots, settings.concurrency, (root, siblings) => walk.from(root, siblings), signal);
    // What stands on nothing that is there, or in a circle.
    for (const object of walk.left()) done(object, { ok: false, code: "OBJECT_MISSING", message: `what ${object.key} is a difference from is not there` });
  } finally {
    contents.close();
    place.close();
  }
}

async function verdict(work: () => Promise<number>, signal: AbortSignal): Promise<Verdict> {
  try {
    return { ok: true, sizeBytes: await work() };
  } catch (error) {
    signal.throwIfAborted();
    return verdictOf(error);
  }
}

/** Goes from contents to what stands on them; a content is kept for as long as what stands on it is looked at. */
class TreeWalk {
  readonly roots: readonly StoredObject[];
  readonly #dependents = new Map<Oid, StoredObject[]>();
  readonly #objects: readonly StoredObject[];
  readonly #seen = new Set<string>();
  readonly #reached = new Set<Oid>();
  readonly #look: (object: StoredObject, signal: AbortSignal) => Promise<boolean>;
  readonly #leave: (object: StoredObject) => Promise<void>;

  constructor(objects: readonly StoredObject[], look: (object: StoredObject, signal: AbortSignal) => Promise<boolean>, leave: (object: StoredObject) => Promise<void>) {
    this.#objects = objects;
    this.#look = look;
    this.#leave = leave;
    this.roots = objects.filter(({ name }) => name.base === undefined);
    for (const object of objects) {
      const { base } = object.name;
      if (base !== undefined) this.#dependents.set(base, [...(this.#dependents.get(base) ?? []), object]);
    }
  }

  async from(object: StoredObject, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.#seen.has(object.key)) return;
    this.#seen.add(object.key);
    if (!(await this.#look(object, signal))) return;
    try {
      if (this.#reached.has(object.name.oid)) return;
      this.#reached.add(object.name.oid);
      for (const next of this.#dependents.get(object.name.oid) ?? []) await this.from(next, signal);
    } finally {
      await this.#leave(object);
    }
  }

  left(): StoredObject[] {
    return this.#objects.filter(({ key }) => !this.#seen.has(key));
  }
}

/** Each content before what stands on it, and close to it, so that what was decoded is still at hand. */
function inTrees(objects: readonly StoredObject[]): StoredObject[] {
  const byBase = new Map<Oid | undefined, StoredObject[]>();
  for (const object of objects) {
    const known = byBase.get(object.name.base);
    if (known) known.push(object);
    else byBase.set(object.name.base, [object]);
  }
  const ordered = new Set<StoredObject>();
  const stack = (byBase.get(undefined) ?? []).toReversed();
  for (let object = stack.pop(); object !== undefined; object = stack.pop()) {
    if (ordered.has(object)) continue;
    ordered.add(object);
    for (const next of byBase.get(object.name.oid) ?? []) stack.push(next);
  }
  for (const object of objects) ordered.add(object);
  return [...ordered];
}
