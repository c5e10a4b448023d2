import type { CompressionSettings } from "../config/settings.ts";
import { openDirectoryStore, type DirectoryStore } from "../store/directory.ts";
import { hashFile, type HashedFile } from "./hash-file.ts";
import { ingestFile, type Ingested } from "./ingest.ts";
import { materialise } from "./materialise.ts";
import type { ObjectName } from "./name.ts";
import type { Oid } from "./oid.ts";
import { PresentObjects } from "./present.ts";
import { isVanished, type FileStat } from "./stable-file.ts";

/** A piece of work that any thread can do; plain data. */
export type Job =
  | { readonly kind: "ingest"; readonly path: string; readonly expected?: Oid | undefined }
  | { readonly kind: "hash"; readonly path: string }
  | { readonly kind: "restore"; readonly name: ObjectName; readonly temporary: string; readonly sizeBytes: number; readonly exec: boolean; readonly label?: string | undefined };

/** What a job gives; undefined for a file that is not there. */
export type JobResult = Ingested | HashedFile | FileStat | undefined;

/** What all jobs of one pool share. */
export interface JobContext {
  readonly localRoot: string;
  readonly compression: CompressionSettings;
}

/** Jobs that are done in one thread at a time: enough for their syncs to overlap. */
const AT_A_TIME = 8;

/** Does the jobs of one run. */
export class JobRunner {
  readonly #store: DirectoryStore;
  readonly #present: PresentObjects;
  readonly #compression: CompressionSettings;
  readonly #onBytes: (bytes: number) => void;

  constructor({ localRoot, compression }: JobContext, onBytes: (bytes: number) => void) {
    this.#store = openDirectoryStore(localRoot);
    this.#present = new PresentObjects(this.#store);
    this.#compression = compression;
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

  async #do(job: Job, signal: AbortSignal): Promise<JobResult> {
    const onBytes = this.#onBytes;
    if (job.kind === "restore") {
      return materialise(this.#store, job.name, job.temporary, { expectedSize: job.sizeBytes, exec: job.exec, label: job.label, signal, onBytes });
    }
    try {
      if (job.kind === "hash") return await hashFile(job.path, { signal, onBytes });
      const options = { expected: job.expected, signal, onBytes, present: this.#present, namesLater: true };
      return await ingestFile(job.path, this.#store, this.#compression, options);
    } catch (error) {
      if (isVanished(error)) return undefined;
      throw error;
    }
  }
}
