import type { CompressionSettings, DeltaSettings } from "../config/settings.ts";
import type { Sketch } from "../delta/sketch.ts";
import { openDirectoryStore, type DirectoryStore } from "../store/directory.ts";
import type { StoredObject } from "../store/port.ts";
import { checkObject, type Verdict } from "./check.ts";
import { Contents } from "./contents.ts";
import { copyAsJob, type Copied, type CopyJob } from "./copy-job.ts";
import { deltaTools } from "./delta-tools.ts";
import { hashFile, type HashedFile } from "./hash-file.ts";
import { ingestFile, type Ingested } from "./ingest.ts";
import type { BaseHint, DeltaTools } from "./ingest-delta.ts";
import { materialise } from "./materialise.ts";
import type { ObjectName } from "./name.ts";
import type { Oid } from "./oid.ts";
import { PresentObjects } from "./present.ts";
import { receiveObject, type Received, type ReceiveJob } from "./receive.ts";
import { sketchFile } from "./sketch-file.ts";
import { isVanished, type FileStat } from "./stable-file.ts";

/** A piece of work that any thread can do; plain data. */
export type Job =
  | { readonly kind: "ingest"; readonly path: string; readonly expected?: Oid | undefined; readonly hints?: readonly BaseHint[] | undefined }
  | { readonly kind: "hash"; readonly path: string }
  | { readonly kind: "sketch"; readonly path: string }
  | ({ readonly kind: "copy" } & CopyJob)
  | ({ readonly kind: "receive" } & ReceiveJob)
  | { readonly kind: "check"; readonly object: Pick<StoredObject, "name" | "key" | "sizeBytes"> }
  | { readonly kind: "restore"; readonly name: ObjectName; readonly temporary: string; readonly sizeBytes: number; readonly exec: boolean; readonly label?: string | undefined };

/** What a job gives; undefined for a file that is not there. */
export type JobResult = Ingested | HashedFile | FileStat | Sketch | Verdict | Copied | Received | undefined;

/** What all jobs of one pool share. */
export interface JobContext {
  readonly localRoot: string;
  readonly compression: CompressionSettings;
  /** Without it, nothing is stored as a delta. */
  readonly delta?: DeltaSettings | undefined;
  /** Other directory stores that may hold what deltas stand on. */
  readonly baseRoots?: readonly string[] | undefined;
  /** The directory store in whose `tmp` a large base is kept while deltas need it; `localRoot` by default. */
  readonly temporaryRoot?: string | undefined;
  /** The directory store that objects are copied to. */
  readonly copyTo?: string | undefined;
}

/** Jobs that are done in one thread at a time: enough for their syncs to overlap. */
const AT_A_TIME = 8;

/** Does the jobs of one run; to be closed when it is over. */
export class JobRunner {
  readonly #store: DirectoryStore;
  readonly #others: readonly DirectoryStore[];
  readonly #temporaryIn: DirectoryStore;
  readonly #copyTo: DirectoryStore | undefined;
  readonly #present: PresentObjects;
  readonly #compression: CompressionSettings;
  readonly #delta: DeltaSettings | undefined;
  readonly #onBytes: (bytes: number) => void;
  #contents: Contents | undefined;
  #tools: Promise<DeltaTools> | undefined;

  constructor({ localRoot, compression, delta, baseRoots = [], temporaryRoot = localRoot, copyTo }: JobContext, onBytes: (bytes: number) => void) {
    this.#store = openDirectoryStore(localRoot);
    this.#others = baseRoots.map((root) => openDirectoryStore(root));
    this.#temporaryIn = openDirectoryStore(temporaryRoot);
    this.#copyTo = copyTo === undefined ? undefined : openDirectoryStore(copyTo);
    this.#present = new PresentObjects(this.#store, this.#others);
    this.#compression = compression;
    this.#delta = delta;
    this.#onBytes = onBytes;
  }

  /**
   * Does all jobs and gives their results in the same order; the names of ingested objects are not durable yet.
   * After a failure or an abort no further job is begun, and the first error is thrown when the others have ended.
   */
  async run(jobs: readonly Job[], signal: AbortSignal): Promise<JobResult[]> {
    const results: JobResult[] = new Array(jobs.length).fill(undefined);
    const errors: unknown[] = [];
    let next = 0;
    const lane = async (): Promise<void> => {
      while (next < jobs.length && errors.length === 0) {
        const index = next++;
        try {
          signal.throwIfAborted();
          results[index] = await this.#do(jobs[index]!, signal);
        } catch (error) {
          errors.push(error);
        }
      }
    };
    await Promise.all(Array.from({ length: Math.min(AT_A_TIME, jobs.length) }, lane));
    if (errors.length > 0) throw errors[0];
    return results;
  }

  /** Gives back what was kept for further jobs. */
  close(): void {
    this.#contents?.close();
  }

  async #do(job: Job, signal: AbortSignal): Promise<JobResult> {
    const onBytes = this.#onBytes;
    if (job.kind === "restore") {
      const openBase = this.#contentsFor(signal).open;
      return materialise(this.#store, job.name, job.temporary, { openBase, expectedSize: job.sizeBytes, exec: job.exec, label: job.label, signal, onBytes });
    }
    if (job.kind === "sketch") return sketchFile(job.path);
    if (job.kind === "copy") return copyAsJob(job, this.#store, this.#copyTo!, { signal, onBytes });
    if (job.kind === "receive") return receiveObject(job, this.#store);
    if (job.kind === "check") return checkObject(this.#store, job.object, { openBase: (oid) => this.#contentsFor(signal).open(oid, { verified: true }), signal, onBytes });
    try {
      if (job.kind === "hash") return await hashFile(job.path, { signal, onBytes });
      const options = { expected: job.expected, delta: await this.#deltaFor(job.hints, signal), signal, onBytes, present: this.#present, namesLater: true };
      return await ingestFile(job.path, this.#store, this.#compression, options);
    } catch (error) {
      if (isVanished(error)) return undefined;
      throw error;
    }
  }

  async #deltaFor(hints: readonly BaseHint[] | undefined, signal: AbortSignal): Promise<{ hints: readonly BaseHint[]; tools: DeltaTools } | undefined> {
    if (!hints || hints.length === 0 || !this.#delta || this.#delta.mode === "never") return undefined;
    return { hints, tools: await (this.#tools ??= deltaTools(this.#delta, this.#contentsFor(signal))) };
  }

  #contentsFor(signal: AbortSignal): Contents {
    return (this.#contents ??= new Contents([this.#store, ...this.#others], { temporaryIn: this.#temporaryIn, signal }));
  }
}
