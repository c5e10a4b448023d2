import { availableParallelism } from "node:os";
import type { CompressionSettings } from "../config/settings.ts";
import type { Operation, Report } from "../events.ts";
import type { Sketch } from "../delta/sketch.ts";
import { openDirectoryStore } from "../store/directory.ts";
import type { StoredObject } from "../store/port.ts";
import { collectGarbage } from "../util/collect-garbage.ts";
import { batchesOf } from "./batches.ts";
import type { Verdict } from "./check.ts";
import type { Copied, CopyJob } from "./copy-job.ts";
import type { HashedFile } from "./hash-file.ts";
import type { Ingested } from "./ingest.ts";
import type { BaseHint } from "./ingest-delta.ts";
import { JobRunner, type Job, type JobContext, type JobResult } from "./jobs.ts";
import { objectKey, type ObjectName } from "./name.ts";
import type { Oid } from "./oid.ts";
import type { FileStat } from "./stable-file.ts";
import { OneOfEach } from "./one-of-each.ts";
import { shareOut, type RunBatch, type Task } from "./share-out.ts";
import { bundledWorker, Thread } from "./threads.ts";

export interface PoolOptions extends JobContext {
  readonly localRoot: string;
  readonly compression: CompressionSettings;
  /** Threads at most; never more than there are cores. */
  readonly concurrency: number;
  /** Gets `bytes` events, and a `file` event for each file read; the caller tells of start and end. */
  readonly report: Report;
  readonly signal: AbortSignal;
  /** The worker's entry, where it is not beside the bundle. */
  readonly workerEntry?: URL | undefined;
}

export interface FileJob {
  /** Absolute. */
  readonly path: string;
  /** About how large it is, for sharing out the work. */
  readonly sizeBytes: number;
  /** The path to report; `path` when absent. */
  readonly label?: string | undefined;
}

export interface IngestJob extends FileJob {
  readonly expected?: Oid | undefined;
  /** What the content may be stored against, the preferred first. */
  readonly hints?: readonly BaseHint[] | undefined;
}

export interface RestoreJob {
  /** An object of the local store. */
  readonly name: ObjectName;
  /** A path beside the target where nothing is yet. */
  readonly temporary: string;
  /** How errors name the file; default: the temporary one. */
  readonly label?: string | undefined;
  /** The content's size as the manifest says it. */
  readonly sizeBytes: number;
  readonly exec: boolean;
}

/**
 * Hashes, ingests and restores many files at a time. The first failure ends the
 * call, when the jobs under way have ended; so does an abort, with the signal's reason.
 */
export interface IngestPool {
  /**
   * As `ingestFile`, durable on return.
   * @param done called as soon as a file is stored, before that is durable; not for a file that is not there
   */
  ingest(files: readonly IngestJob[], done: (made: Ingested, index: number) => void): Promise<void>;
  /** As `hashFile`. @param done not called for a file that is not there */
  hash(files: readonly FileJob[], done: (read: HashedFile, index: number) => void): Promise<void>;
  /** As `sketchFile`. Nothing is reported. */
  sketch(files: readonly FileJob[]): Promise<(Sketch | undefined)[]>;
  /**
   * As `materialise`. @param done called as soon as a file is there, to move it into place; an error that it throws is
   * a failure of the job. After a failure the caller removes the files that it did not move.
   */
  restore(jobs: readonly RestoreJob[], done: (stat: FileStat, index: number) => void): Promise<void>;
  /** As `checkObject`, for objects of the store; nothing but bytes is reported, of the operation `scan`. */
  check(objects: readonly Pick<StoredObject, "name" | "key" | "sizeBytes">[], done: (verdict: Verdict, index: number) => void): Promise<void>;
  /**
   * Copies whole objects from the local root to `copyTo`, durable on return, also of a part when it fails. Reports bytes
   * of the contents, and no files.
   * @param done called with what became of each; an error that it throws is a failure of the job
   */
  copy(op: Operation, jobs: readonly CopyJob[], done: (copied: Copied, index: number) => void): Promise<void>;
  /** Ends the threads. */
  close(): Promise<void>;
}

/** More than one of these is worth the 40 ms or more of CPU time that each thread takes to start: tiny files, larger ones, bytes. */
const MANY_FILES = 256;
const SOME_FILES = 32;
const SOME_BYTES = 4 * 1024 * 1024;
const MANY_BYTES = 32 * 1024 * 1024;
/** Batches that a thread is sent ahead, so that it never waits for the next. */
const AHEAD = 2;

/** Makes a pool; threads start with the first call that has much to do and stay until `close`. */
export function createIngestPool(options: PoolOptions): IngestPool {
  return new Pool(options);
}

class Pool implements IngestPool {
  readonly #options: PoolOptions;
  readonly #context: JobContext;
  readonly #threads: Thread[] = [];
  readonly #onBytes = new Map<number, (bytes: number) => void>();
  #nextRun = 0;

  constructor(options: PoolOptions) {
    this.#options = options;
    const { localRoot, compression, delta, baseRoots, temporaryRoot, copyTo } = options;
    this.#context = { localRoot, compression, delta, baseRoots, temporaryRoot, copyTo };
  }

  async ingest(files: readonly IngestJob[], done: (made: Ingested, index: number) => void): Promise<void> {
    const named = new OneOfEach();
    const jobAt = (index: number): Job => {
      const { path, expected, hints } = files[index]!;
      return { kind: "ingest", path, expected, hints };
    };
    await this.#run(this.#reading("record", files, jobAt, (result, index) => {
      const made = result as Ingested;
      if (made.created) named.add(objectKey(made));
      done(made, index);
    }));
    await openDirectoryStore(this.#options.localRoot).syncNames(named.keys());
  }

  async hash(files: readonly FileJob[], done: (read: HashedFile, index: number) => void): Promise<void> {
    const jobAt = (index: number): Job => ({ kind: "hash", path: files[index]!.path });
    await this.#run(this.#reading("scan", files, jobAt, (result, index) => done(result as HashedFile, index)));
  }

  async sketch(files: readonly FileJob[]): Promise<(Sketch | undefined)[]> {
    const results: (Sketch | undefined)[] = new Array(files.length).fill(undefined);
    await this.#run({
      op: undefined,
      sizes: files.map(({ sizeBytes }) => sizeBytes),
      jobAt: (index) => ({ kind: "sketch", path: files[index]!.path }),
      done: (result, index) => (results[index] = result as Sketch | undefined),
    });
    return results;
  }

  async restore(jobs: readonly RestoreJob[], done: (stat: FileStat, index: number) => void): Promise<void> {
    await this.#run({
      op: "restore",
      sizes: jobs.map(({ sizeBytes }) => sizeBytes),
      jobAt(index) {
        const { name, temporary, sizeBytes, exec, label } = jobs[index]!;
        return { kind: "restore", name, temporary, sizeBytes, exec, label };
      },
      done: (result, index) => done(result as FileStat, index),
    });
  }

  async check(objects: readonly Pick<StoredObject, "name" | "key" | "sizeBytes">[], done: (verdict: Verdict, index: number) => void): Promise<void> {
    await this.#run({
      op: "scan",
      sizes: objects.map(({ sizeBytes }) => sizeBytes),
      jobAt(index) {
        const { name, key, sizeBytes } = objects[index]!;
        return { kind: "check", object: { name, key, sizeBytes } };
      },
      done: (result, index) => done(result as Verdict, index),
    });
  }

  async copy(op: Operation, jobs: readonly CopyJob[], done: (copied: Copied, index: number) => void): Promise<void> {
    const created = new OneOfEach();
    const noted = (result: JobResult, index: number): void => {
      const copied = result as Copied;
      if ("outcome" in copied && copied.outcome === "created") created.add(jobs[index]!.object.key);
      done(copied, index);
    };
    let ok = false;
    try {
      await this.#run({ op, sizes: jobs.map(({ contentBytes }) => contentBytes), jobAt: (index) => ({ kind: "copy", ...jobs[index]! }), done: noted });
      ok = true;
    } finally {
      // After a failure any of them may have its name.
      if (!ok) for (const { object } of jobs) created.add(object.key);
      await openDirectoryStore(this.#options.copyTo!).syncNames(created.keys());
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.#threads.splice(0).map((thread) => thread.close()));
  }

  /** @param read gets what there is */
  #reading(op: Operation, files: readonly FileJob[], jobAt: Task["jobAt"], read: (result: NonNullable<JobResult>, index: number) => void): Task {
    const done = (result: JobResult, index: number): void => {
      if (result === undefined) return;
      read(result, index);
      if ("trouble" in result && result.trouble !== undefined) this.#options.report({ kind: "warning", message: `${files[index]!.label ?? files[index]!.path} is stored whole: ${result.trouble}` });
      const { oid, sizeBytes, ...rest } = result as HashedFile & Partial<Ingested>;
      const { label, path } = files[index]!;
      const how = rest.created === false ? "present" : "done";
      const stored = rest.storedBytes === undefined ? {} : { storedBytes: rest.storedBytes };
      this.#options.report({ kind: "file", op, path: label ?? path, oid, bytes: sizeBytes, how, ...stored });
    };
    return { op, sizes: files.map(({ sizeBytes }) => sizeBytes), jobAt, done };
  }

  async #run(task: Task): Promise<void> {
    const { report, signal } = this.#options;
    signal.throwIfAborted();
    const run = this.#nextRun++;
    let reported = 0;
    const onBytes = (bytes: number): void => {
      reported += bytes;
      if (task.op !== undefined) report({ kind: "bytes", op: task.op, bytes });
    };
    const ended = new AbortController();
    const threads = this.#threadsFor(task);
    // What planning it left behind would stay until the end.
    collectGarbage(task.sizes.length);
    const runner = threads.length > 0 ? undefined : new JobRunner(this.#context, onBytes);
    const lanes: RunBatch[] = runner
      ? inThisThread(runner, ended.signal, this.#options.concurrency)
      : threads.flatMap((thread) => new Array<RunBatch>(AHEAD).fill((jobs) => thread.run(run, jobs)));
    const abort = (): void => {
      ended.abort(signal.aborted ? signal.reason : undefined);
      for (const thread of threads) thread.abort(run);
    };
    signal.addEventListener("abort", abort, { once: true });
    this.#onBytes.set(run, onBytes);
    try {
      await shareOut(task, lanes, batchesOf(task.sizes, threads.length), abort, () => signal.throwIfAborted());
      // Threads tell of their bytes now and then; the rest is told here.
      const totalBytes = task.sizes.reduce((sum, bytes) => sum + bytes, 0);
      if (threads.length > 0 && totalBytes > reported) onBytes(totalBytes - reported);
    } finally {
      signal.removeEventListener("abort", abort);
      this.#onBytes.delete(run);
      runner?.close();
      for (const thread of threads) thread.forget(run);
    }
  }

  /** The threads to use; none for little work, or where there is no second core. */
  #threadsFor({ sizes }: Task): readonly Thread[] {
    const totalBytes = sizes.reduce((sum, bytes) => sum + bytes, 0);
    const much = sizes.length > MANY_FILES || totalBytes > MANY_BYTES || (sizes.length > SOME_FILES && totalBytes > SOME_BYTES);
    const count = Math.min(availableParallelism(), this.#options.concurrency, sizes.length);
    if (!much || count < 2) return [];
    const entry = this.#options.workerEntry ?? bundledWorker();
    if (!entry) return [];
    const onBytes = (run: number, bytes: number): void => this.#onBytes.get(run)?.(bytes);
    while (this.#threads.length < count) this.#threads.push(new Thread(entry, this.#context, onBytes));
    return this.#threads.slice(0, count);
  }
}

function inThisThread(runner: JobRunner, signal: AbortSignal, concurrency: number): RunBatch[] {
  return new Array<RunBatch>(Math.max(1, concurrency)).fill((jobs) => runner.run(jobs, signal));
}
