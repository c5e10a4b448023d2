import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import type { Job, JobContext, JobResult } from "./jobs.ts";
import type { FromWorker, ToWorker } from "./messages.ts";
import { fromPlain } from "./plain-error.ts";

/**
 * The bundled worker: beside this module's bundle, or above it when this code was split into a chunk. Undefined when
 * the sources run unbundled, as in tests; then the pool works in its own thread.
 */
export function bundledWorker(): URL | undefined {
  return ["./worker.js", "../worker.js"].map((path) => new URL(path, import.meta.url)).find((url) => existsSync(fileURLToPath(url)));
}

/** A worker thread that is sent jobs. It does not keep the process alive while it is idle. */
export class Thread {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, { resolve: (results: JobResult[]) => void; reject: (error: unknown) => void }>();
  #nextId = 0;

  constructor(entry: URL, context: JobContext, onBytes: (run: number, bytes: number) => void) {
    this.#worker = new Worker(entry, { workerData: context, resourceLimits: LIMITS });
    this.#worker.unref();
    this.#worker.on("message", (message: FromWorker) => {
      if (message.kind === "bytes") onBytes(message.run, message.bytes);
      else if (message.kind === "done") this.#settle(message.id)?.resolve(message.results);
      else this.#settle(message.id)?.reject(fromPlain(message.error));
    });
    this.#worker.on("error", (error) => this.#fail(error));
    this.#worker.on("exit", (status) => this.#fail(new Error(`a worker thread ended with status ${status}`)));
  }

  /** Jobs sent and not answered. */
  get load(): number {
    return this.#waiting.size;
  }

  /** @param given buffers of the jobs that the worker gets as they are, and this thread loses */
  run(run: number, jobs: readonly Job[], given: readonly ArrayBuffer[] = []): Promise<JobResult[]> {
    return new Promise((resolve, reject) => {
      const id = this.#nextId++;
      if (this.#waiting.size === 0) this.#worker.ref();
      this.#waiting.set(id, { resolve, reject });
      this.#post({ kind: "run", run, id, jobs }, given);
    });
  }

  abort(run: number): void {
    this.#post({ kind: "abort", run });
  }

  forget(run: number): void {
    this.#post({ kind: "forget", run });
  }

  async close(): Promise<void> {
    await this.#worker.terminate();
  }

  #post(message: ToWorker, given: readonly ArrayBuffer[] = []): void {
    this.#worker.postMessage(message, given);
  }

  #settle(id: number): { resolve: (results: JobResult[]) => void; reject: (error: unknown) => void } | undefined {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (this.#waiting.size === 0) this.#worker.unref();
    return waiting;
  }

  #fail(error: unknown): void {
    for (const id of [...this.#waiting.keys()]) this.#settle(id)?.reject(error);
  }
}

/**
 * What a job makes lives as long as the job: Node's own 48 MB for what is new would only be filled, by each thread, before
 * any of it is given back.
 */
const LIMITS = { maxYoungGenerationSizeMb: 6 };
