import { join } from "node:path";
import type { Context } from "../context.ts";
import { isBallastError } from "../errors.ts";
import { hashFile } from "../object/hash-file.ts";
import { ingestFile } from "../object/ingest.ts";
import type { Oid } from "../object/oid.ts";
import { PresentObjects } from "../object/present.ts";
import { isVanished } from "../object/stable-file.ts";
import { openLocalStore, openRemoteStore } from "../store/open.ts";
import { forEachParallel } from "../util/pool.ts";
import type { ReadContent, ReadContents, Seen } from "./observe.ts";
import type { Worktree } from "./session.ts";

/** Reads files to know what they are, and stores nothing. */
export function hashContents(context: Context): ReadContents {
  return (files) => readEach(context, files, (file, signal, onBytes) => hashFile(file, { signal, onBytes }));
}

/** Reads files and puts their content into the local store, in one reading. */
export function storeContents({ repository, settings, signal, report }: Context): ReadContents {
  return async (files) => {
    if (files.length === 0) return [];
    const store = openLocalStore(repository);
    await store.initialise(signal);
    const present = new PresentObjects(store);
    return readEach({ repository, settings, signal, report }, files, (file, siblings, onBytes) =>
      ingestFile(file, store, settings.compression, { signal: siblings, onBytes, present }),
    );
  };
}

type Read = (file: string, signal: AbortSignal, onBytes: (bytes: number) => void) => Promise<{ oid: Oid; stat: ReadContent["stat"] }>;

async function readEach(
  { repository, settings, signal, report }: Pick<Context, "repository" | "settings" | "signal" | "report">,
  files: readonly { path: string; sizeBytes: number }[],
  read: Read,
): Promise<ReadContent[]> {
  if (files.length === 0) return [];
  const results: ReadContent[] = [];
  report({ kind: "start", op: "record", totalFiles: files.length, totalBytes: files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0) });
  const onBytes = (bytes: number): void => report({ kind: "bytes", op: "record", bytes });
  let ok = false;
  try {
    await forEachParallel(files, settings.concurrency, async ({ path, sizeBytes }, siblings) => {
      try {
        const { oid, stat } = await read(join(repository.top, path), siblings, onBytes);
        results.push({ path, oid, stat });
        report({ kind: "file", op: "record", path, oid, bytes: sizeBytes });
      } catch (error) {
        if (!isVanished(error)) throw error;
      }
    }, signal);
    ok = true;
  } finally {
    report({ kind: "end", op: "record", ok });
  }
  return results;
}

/** Makes sure that the local store has the content of these files, which may have been hashed without storing it. */
export async function keepNow(context: Context, files: readonly Pick<Seen, "path" | "w" | "stat">[]): Promise<void> {
  const wanted = files.flatMap(({ path, w, stat }) => (w === undefined || w === "blocked" || !stat ? [] : [{ path, oid: w.oid, sizeBytes: Number(stat.size) }]));
  if (wanted.length === 0) return;
  const present = new PresentObjects(openLocalStore(context.repository));
  await storeContents(context)(wanted.filter(({ oid }) => !present.find(oid)));
}

/** Makes sure that what is about to be replaced or removed is in a store: the local one, the remote one, or now. */
export async function keepContents(
  context: Context,
  worktree: Worktree,
  list: readonly { path: string; expect: unknown }[],
): Promise<void> {
  const files: { path: string; oid: Oid; sizeBytes: number }[] = [];
  for (const { path, expect } of list) {
    const w = expect === undefined ? undefined : worktree.index.get(path)?.w;
    if (w) files.push({ path, oid: w.oid, sizeBytes: Number(w.stat.size) });
  }
  const present = new PresentObjects(openLocalStore(context.repository));
  const notHere = files.filter(({ oid }) => !present.find(oid));
  if (notHere.length === 0) return;
  const elsewhere = await presentRemotely(context, notHere.map(({ oid }) => oid));
  await storeContents(context)(notHere.filter(({ oid }) => !elsewhere.has(oid)));
}

async function presentRemotely(context: Context, oids: readonly Oid[]): Promise<ReadonlySet<Oid>> {
  try {
    const remote = await openRemoteStore(context);
    return new Set((await remote.find(oids, context.signal)).keys());
  } catch (error) {
    if (!isBallastError(error)) throw error;
    return new Set();
  }
}
