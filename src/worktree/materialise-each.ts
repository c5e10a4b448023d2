import { randomBytes } from "node:crypto";
import { join } from "node:path";
import type { Context } from "../context.ts";
import { isBallastError } from "../errors.ts";
import type { Asset } from "../manifest/manifest.ts";
import { materialise } from "../object/materialise.ts";
import type { Oid } from "../object/oid.ts";
import { isDirectoryStore } from "../store/directory.ts";
import { openLocalStore } from "../store/open.ts";
import { locate, type Located } from "../transfer/download.ts";
import { forEachParallel } from "../util/pool.ts";

export interface MaterialiseRequest {
  readonly wanted: readonly Asset[];
  /** A directory on the worktree's file system. */
  readonly temporaryDirectory: string;
  /** Asks the store to bring archived objects back. */
  readonly restoreArchived?: boolean;
}

export interface OutOfReach {
  readonly missing: { path: string; oid: Oid; why: string }[];
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
  const { report, settings, signal } = context;
  const result: OutOfReach = { missing: [], archived: [] };
  if (wanted.length === 0) return result;
  const located = await locate(context, wanted);
  const run = randomBytes(6).toString("hex");
  let count = 0;
  let ok = false;
  const here = wanted.filter(({ oid }) => located.local.has(oid) || located.direct.has(oid));
  report({ kind: "start", op: "restore", totalFiles: here.length, totalBytes: here.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0) });
  const onBytes = (bytes: number): void => report({ kind: "bytes", op: "restore", bytes });
  try {
    await forEachParallel(here, settings.concurrency, async (asset, siblings) => {
      const temporary = join(temporaryDirectory, `restore-${run}-${count++}`);
      const { store, name } = sourceOf(context, located, asset.oid);
      try {
        await materialise(store, name, temporary, { exec: asset.exec, expectedSize: asset.sizeBytes, onBytes, signal: siblings });
      } catch (error) {
        if (!isBallastError(error, "OBJECT_MISSING", "OBJECT_CORRUPT", "ENCODING_UNKNOWN")) throw error;
        result.missing.push({ path: asset.path, oid: asset.oid, why: error.message });
        return;
      }
      place(asset, temporary);
      report({ kind: "file", op: "restore", path: asset.path, oid: asset.oid, bytes: asset.sizeBytes });
    }, signal);
    ok = true;
  } finally {
    report({ kind: "end", op: "restore", ok });
  }
  result.missing.push(...located.missing.map(({ path, oid }) => ({ path, oid, why: located.failure?.message ?? `no store has ${oid}` })));
  result.archived.push(...(await askForArchived(context, located, restoreArchived)));
  return result;
}

function sourceOf(context: Context, { local, direct }: Located, oid: Oid) {
  const object = local.get(oid);
  if (object) return { store: openLocalStore(context.repository), name: object.name };
  const found = direct.get(oid)!;
  if (!isDirectoryStore(found.store)) throw new Error(`${found.store.url} is not a directory`);
  return { store: found.store, name: found.object.name };
}

async function askForArchived(context: Context, located: Located, ask: boolean): Promise<OutOfReach["archived"]> {
  if (!ask || located.archived.length === 0) return located.archived.map(({ path, oid }) => ({ path, oid }));
  const { requestArchived } = await import("../transfer/request-archived.ts");
  return requestArchived(context, located.archived);
}
