import { randomBytes } from "node:crypto";
import { rmSync } from "node:fs";
import { join } from "node:path";
import type { Context } from "../context.ts";
import { isBallastError, type BallastError, type ErrorCode } from "../errors.ts";
import type { Asset } from "../manifest/manifest.ts";
import { Contents } from "../object/contents.ts";
import type { OpenBase } from "../object/encodings.ts";
import { materialise } from "../object/materialise.ts";
import type { ObjectName } from "../object/name.ts";
import type { Oid } from "../object/oid.ts";
import { createIngestPool, type IngestPool, type RestoreJob } from "../object/pool.ts";
import type { DirectoryStore } from "../store/directory.ts";
import { locate, type Located, type Source } from "../transfer/download.ts";
import { forEachParallel } from "../util/pool.ts";
import { EarlyPlaces } from "./early-places.ts";

export interface MaterialiseRequest {
  readonly wanted: readonly Asset[];
  /** A directory on the worktree's file system. */
  readonly temporaryDirectory: string;
  /** Asks the store to bring archived objects back. */
  readonly restoreArchived?: boolean;
}

/** An asset that could not be restored, and why. */
export interface Missing {
  readonly path: string;
  readonly oid: Oid;
  readonly code: ErrorCode;
  readonly why: string;
  readonly hint?: string | undefined;
}

export interface OutOfReach {
  readonly missing: Missing[];
  readonly archived: { path: string; oid: Oid; expectedHours?: number | undefined }[];
}

/**
 * Makes each wanted content a verified temporary file and hands it to `place`, which moves it to where it belongs.
 * What cannot be had is returned and does not keep the others from coming.
 */
export async function materialiseEach(
  context: Context,
  { wanted, temporaryDirectory, restoreArchived = false }: MaterialiseRequest,
  place: (asset: Asset, temporary: string) => void,
): Promise<OutOfReach> {
  const { report } = context;
  const result: OutOfReach = { missing: [], archived: [] };
  if (wanted.length === 0) return result;
  const run = randomBytes(6).toString("hex");
  const early = new EarlyPlaces(wanted, (index) => join(temporaryDirectory, `restore-${run}-early-${index}`), place);
  const { local, direct, ...located } = await locate(context, wanted, early).finally(() => early.close());
  const here: Ready[] = [];
  const temporaryOf = (number: number): string => join(temporaryDirectory, `restore-${run}-${number}`);
  for (const asset of wanted) {
    const source = early.placed.has(asset) ? undefined : (local.get(asset.oid) ?? direct.get(asset.oid));
    if (source) here.push(new Ready(asset, source, here.length, temporaryOf));
  }
  report({ kind: "start", op: "restore", totalFiles: early.placed.size + here.length, totalBytes: bytesOf(early.placed) + bytesOf(here) });
  for (const { path, oid, sizeBytes: bytes } of early.placed) {
    report({ kind: "bytes", op: "restore", bytes });
    report({ kind: "file", op: "restore", path, oid, bytes });
  }
  const placed = (ready: Ready): void => {
    const { asset, temporary } = ready;
    place(asset, temporary);
    ready.done = true;
    report({ kind: "file", op: "restore", path: asset.path, oid: asset.oid, bytes: asset.sizeBytes });
  };
  let ok = false;
  try {
    for (const group of byStore(here)) await restoreGroup(context, group, located.stores, placed, result);
    ok = true;
  } finally {
    for (const ready of here) if (!ready.done) rmSync(ready.temporary, { force: true });
    report({ kind: "end", op: "restore", ok });
  }
  result.missing.push(...located.missing.map((asset) => missing(asset, located.failure)));
  result.archived.push(...(await askForArchived(context, located, restoreArchived)));
  return result;
}

/** A content that a store on this machine has. Of what follows from the rest nothing is kept: there may be a million. */
class Ready implements RestoreJob {
  readonly asset: Asset;
  readonly source: Source;
  /** Whether the file is in its place. */
  done = false;
  readonly #number: number;
  readonly #temporaryOf: (number: number) => string;

  constructor(asset: Asset, source: Source, number: number, temporaryOf: (number: number) => string) {
    this.asset = asset;
    this.source = source;
    this.#number = number;
    this.#temporaryOf = temporaryOf;
  }

  get name(): ObjectName {
    return this.source.name;
  }

  get temporary(): string {
    return this.#temporaryOf(this.#number);
  }

  get sizeBytes(): number {
    return this.asset.sizeBytes;
  }

  get exec(): boolean {
    return this.asset.exec;
  }

  get label(): string {
    return this.asset.path;
  }
}

function bytesOf(items: Iterable<{ readonly sizeBytes: number }>): number {
  let bytes = 0;
  for (const { sizeBytes } of items) bytes += sizeBytes;
  return bytes;
}

/** How often a content is looked for when its object turns out to be gone. */
const LOOKS = 4;

/**
 * Restores from one store: by all threads, and when an object turns out bad, the others one by one without it.
 * @param stores the local one first; bases may be in any of them
 */
async function restoreGroup(
  context: Context,
  group: readonly Ready[],
  stores: readonly DirectoryStore[],
  placed: (ready: Ready) => void,
  result: OutOfReach,
): Promise<void> {
  const { store } = group[0]!.source;
  const pool = openPool(context, store, stores);
  try {
    await pool.restore(group, (_stat, index) => placed(group[index]!));
    return;
  } catch (error) {
    if (!isBadObject(error)) throw error;
  } finally {
    await pool.close();
  }
  const { settings, signal } = context;
  const rest = group.filter(({ done }) => !done);
  const contents = new Contents(stores, { signal });
  // Verified: where one encoding of a base is damaged, another one may be good.
  const openBase: OpenBase = (base) => contents.open(base, { verified: true });
  const restoreOne = async (ready: Ready, siblings: AbortSignal): Promise<void> => {
    const { asset, temporary } = ready;
    let { source } = ready;
    for (let look = 1; ; look++) {
      rmSync(temporary, { force: true });
      try {
        await materialise(source.store, source.name, temporary, { openBase, exec: asset.exec, expectedSize: asset.sizeBytes, label: asset.path, signal: siblings });
        return placed(ready);
      } catch (error) {
        if (!isBadObject(error)) throw error;
        // What was listed may have been replaced by an object of another encoding.
        const again = look < LOOKS && isBallastError(error, "OBJECT_MISSING") ? await sourceOf(context, asset) : undefined;
        if (again === undefined) return void result.missing.push(missing(asset, error));
        source = again;
      }
    }
  };
  await forEachParallel(rest, settings.concurrency, restoreOne, signal).finally(() => contents.close());
}

function openPool({ settings, report, signal }: Context, { root }: DirectoryStore, stores: readonly DirectoryStore[]): IngestPool {
  const [temporaryRoot] = stores.map((store) => store.root);
  const baseRoots = stores.map((store) => store.root).filter((each) => each !== root);
  return createIngestPool({ localRoot: root, baseRoots, temporaryRoot, compression: settings.compression, concurrency: settings.concurrency, report, signal });
}

function missing({ path, oid }: { path: string; oid: Oid }, failure: BallastError | undefined): Missing {
  if (failure === undefined) return { path, oid, code: "OBJECT_MISSING", why: `no store has ${oid}` };
  return { path, oid, code: failure.code, why: failure.message, hint: failure.hint };
}

function isBadObject(error: unknown): error is BallastError {
  return isBallastError(error, "OBJECT_MISSING", "OBJECT_CORRUPT", "ENCODING_UNKNOWN");
}

function byStore(here: readonly Ready[]): Ready[][] {
  const groups = new Map<string, Ready[]>();
  for (const ready of here) {
    const { root } = ready.source.store;
    const group = groups.get(root);
    if (group) group.push(ready);
    else groups.set(root, [ready]);
  }
  return [...groups.values()];
}

async function sourceOf(context: Context, asset: Asset): Promise<Source | undefined> {
  const { local, direct } = await locate(context, [asset]);
  return local.get(asset.oid) ?? direct.get(asset.oid);
}

async function askForArchived(context: Context, located: Pick<Located, "archived">, ask: boolean): Promise<OutOfReach["archived"]> {
  if (!ask || located.archived.length === 0) return located.archived.map(({ path, oid }) => ({ path, oid }));
  const { requestArchived } = await import("../transfer/request-archived.ts");
  return requestArchived(context, located.archived);
}
