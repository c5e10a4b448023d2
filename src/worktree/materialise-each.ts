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
import { createIngestPool, type IngestPool } from "../object/pool.ts";
import { isDirectoryStore, type DirectoryStore } from "../store/directory.ts";
import { openLocalStore } from "../store/open.ts";
import { locate, type Located } from "../transfer/download.ts";
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
  const located = await locate(context, wanted, early).finally(() => early.close());
  const here: Ready[] = [];
  for (const asset of wanted) {
    if (early.placed.has(asset)) continue;
    const source = sourceOf(context, located, asset.oid);
    if (source) here.push({ asset, ...source, temporary: join(temporaryDirectory, `restore-${run}-${here.length}`) });
  }
  const all = [...early.placed, ...here.map(({ asset }) => asset)];
  report({ kind: "start", op: "restore", totalFiles: all.length, totalBytes: all.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0) });
  for (const { path, oid, sizeBytes: bytes } of early.placed) {
    report({ kind: "bytes", op: "restore", bytes });
    report({ kind: "file", op: "restore", path, oid, bytes });
  }
  const placed = (ready: Ready): void => {
    const { asset, temporary } = ready;
    place(asset, temporary);
    done.add(ready);
    report({ kind: "file", op: "restore", path: asset.path, oid: asset.oid, bytes: asset.sizeBytes });
  };
  const done = new Set<Ready>();
  let ok = false;
  try {
    for (const group of byStore(here)) await restoreGroup(context, group, located.stores, placed, done, result);
    ok = true;
  } finally {
    for (const ready of here) if (!done.has(ready)) rmSync(ready.temporary, { force: true });
    report({ kind: "end", op: "restore", ok });
  }
  result.missing.push(...located.missing.map((asset) => missing(asset, located.failure)));
  result.archived.push(...(await askForArchived(context, located, restoreArchived)));
  return result;
}

/** A content that a store on this machine has. */
interface Ready extends Source {
  readonly asset: Asset;
  readonly temporary: string;
}

interface Source {
  readonly store: DirectoryStore;
  readonly name: ObjectName;
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
  done: ReadonlySet<Ready>,
  result: OutOfReach,
): Promise<void> {
  const { store } = group[0]!;
  const pool = openPool(context, store, stores);
  try {
    const jobs = group.map(({ asset, name, temporary }) => ({ name, temporary, sizeBytes: asset.sizeBytes, exec: asset.exec, label: asset.path }));
    await pool.restore(jobs, (_stat, index) => placed(group[index]!));
    return;
  } catch (error) {
    if (!isBadObject(error)) throw error;
  } finally {
    await pool.close();
  }
  const { settings, signal } = context;
  const rest = group.filter((ready) => !done.has(ready));
  const contents = new Contents(stores, { signal });
  // Verified: where one encoding of a base is damaged, another one may be good.
  const openBase: OpenBase = (base) => contents.open(base, { verified: true });
  const restoreOne = async (ready: Ready, siblings: AbortSignal): Promise<void> => {
    const { asset, temporary } = ready;
    let source: Source = ready;
    for (let look = 1; ; look++) {
      rmSync(temporary, { force: true });
      try {
        await materialise(source.store, source.name, temporary, { openBase, exec: asset.exec, expectedSize: asset.sizeBytes, label: asset.path, signal: siblings });
        return placed(ready);
      } catch (error) {
        if (!isBadObject(error)) throw error;
        // What was listed may have been replaced by an object of another encoding.
        const again = look < LOOKS && isBallastError(error, "OBJECT_MISSING") ? sourceOf(context, await locate(context, [asset]), asset.oid) : undefined;
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
    const group = groups.get(ready.store.root);
    if (group) group.push(ready);
    else groups.set(ready.store.root, [ready]);
  }
  return [...groups.values()];
}

function sourceOf(context: Context, { local, direct }: Located, oid: Oid): Source | undefined {
  const object = local.get(oid);
  if (object) return { store: openLocalStore(context.repository), name: object.name };
  const found = direct.get(oid);
  return found && isDirectoryStore(found.store) ? { store: found.store, name: found.object.name } : undefined;
}

async function askForArchived(context: Context, located: Located, ask: boolean): Promise<OutOfReach["archived"]> {
  if (!ask || located.archived.length === 0) return located.archived.map(({ path, oid }) => ({ path, oid }));
  const { requestArchived } = await import("../transfer/request-archived.ts");
  return requestArchived(context, located.archived);
}
