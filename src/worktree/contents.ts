import { join } from "node:path";
import type { Context } from "../context.ts";
import { isBallastError } from "../errors.ts";
import type { Operation } from "../events.ts";
import type { HashedFile } from "../object/hash-file.ts";
import type { Oid } from "../object/oid.ts";
import type { FileJob, IngestPool } from "../object/pool.ts";
import { PresentObjects } from "../object/present.ts";
import type { DirectoryStore } from "../store/directory.ts";
import { openLocalStore, openRemoteStore, openStoresHere } from "../store/open.ts";
import { collectGarbage } from "../util/collect-garbage.ts";
import { catalogueOf, easiestWays } from "../transfer/chains.ts";
import { basesFor, ingestInTurn } from "./ingest-in-turn.ts";
import type { FileToRead, ReadContent, ReadContents, Seen } from "./observe.ts";
import type { Worktree } from "./session.ts";

/** Reads files to know what they are, and stores nothing. */
export function hashContents(context: Context): ReadContents {
  return (files, read) => readEach(context, "scan", files, (pool, jobs, done) => pool.hash(jobs, done), read);
}

/** Reads files and puts their content into the local store: as a delta where there is a base that does. */
export function storeContents(context: Context): ReadContents {
  return async (files, read) => {
    if (files.length === 0) return;
    await openLocalStore(context.repository).initialise(context.signal);
    const stores = await openStoresHere(context);
    const bases = await basesFor(context, files, stores);
    await readEach(context, "record", files, (pool, jobs, done) => ingestInTurn(pool, files, jobs, bases, done), read, stores);
  };
}

async function readEach(
  context: Context,
  op: Operation,
  files: readonly FileToRead[],
  readAll: (pool: IngestPool, jobs: readonly FileJob[], done: (result: HashedFile, index: number) => void) => Promise<void>,
  read: (content: ReadContent) => void,
  stores: readonly DirectoryStore[] = [openLocalStore(context.repository)],
): Promise<void> {
  if (files.length === 0) return;
  const { repository, report } = context;
  const pool = await openPool(context, stores);
  const jobs = files.map((file) => new ReadJob(repository.top, file));
  report({ kind: "start", op, totalFiles: files.length, totalBytes: files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0) });
  let ok = false;
  try {
    await readAll(pool, jobs, ({ oid, stat }, i) => read({ path: files[i]!.path, oid, stat }));
    ok = true;
  } finally {
    report({ kind: "end", op, ok });
    await pool.close();
    collectGarbage(files.length);
  }
}

/** A file of the worktree. Of its whole path nothing is kept: there may be a million. */
class ReadJob implements FileJob {
  readonly #top: string;
  readonly #file: FileToRead;

  constructor(top: string, file: FileToRead) {
    this.#top = top;
    this.#file = file;
  }

  get path(): string {
    return join(this.#top, this.#file.path);
  }

  get sizeBytes(): number {
    return this.#file.sizeBytes;
  }

  get label(): string {
    return this.#file.path;
  }
}

/**
 * Workers that read and write files.
 * @param stores the store that objects are put into or taken from, and others that may hold the bases of deltas
 */
async function openPool({ settings, report, signal }: Context, [store, ...others]: readonly DirectoryStore[]): Promise<IngestPool> {
  // Who has nothing to read does not wait for what reads: threads, encodings.
  const { createIngestPool } = await import("../object/pool.ts");
  const { compression, delta, concurrency } = settings;
  return createIngestPool({ localRoot: store!.root, baseRoots: others.map(({ root }) => root), compression, delta, concurrency, report, signal });
}

/** Makes sure that the local store has the content of these files, which may have been hashed without storing it. */
export async function keepNow(context: Context, files: readonly Pick<Seen, "path" | "w" | "stat">[]): Promise<void> {
  const wanted = files.flatMap(({ path, w, stat }) => (w === undefined || w === "blocked" || !stat ? [] : [{ path, oid: w.oid, sizeBytes: Number(stat.size) }]));
  if (wanted.length === 0) return;
  const present = await presentHere(context);
  await storeContents(context)(wanted.filter(({ oid }) => !present.find(oid)), () => {});
}

/** Makes sure that what is about to be replaced or removed is in a store: the local one, the remote one, or now. */
export async function keepContents(
  context: Context,
  worktree: Worktree,
  list: readonly { path: string; expect: unknown }[],
): Promise<void> {
  const present = await presentHere(context);
  const notHere: { path: string; oid: Oid; sizeBytes: number }[] = [];
  for (const { path, expect } of list) {
    const w = expect === undefined ? undefined : worktree.index.w(path);
    if (w && !present.find(w.oid)) notHere.push({ path, oid: w.oid, sizeBytes: Number(worktree.index.stat(path)!.size) });
  }
  if (notHere.length === 0) return;
  const elsewhere = await presentRemotely(context, notHere.map(({ oid }) => oid));
  await storeContents(context)(notHere.filter(({ oid }) => !elsewhere.has(oid)), () => {});
}

/** What the local store has, also where it needs the other stores on this machine for it. */
async function presentHere(context: Context): Promise<PresentObjects> {
  const [local, ...others] = await openStoresHere(context);
  return new PresentObjects(local!, others);
}

async function presentRemotely(context: Context, oids: readonly Oid[]): Promise<ReadonlySet<Oid>> {
  try {
    const remote = await openRemoteStore(context);
    // A delta without its base is no content; one in an archive is safe there.
    return new Set(easiestWays([await catalogueOf(remote, oids, context.signal)], { archived: true }).keys());
  } catch (error) {
    if (!isBallastError(error)) throw error;
    return new Set();
  }
}
