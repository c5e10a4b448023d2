import { availableParallelism } from "node:os";
import type { CompressionSettings } from "../config/settings.ts";
import type { DirectoryStore } from "../store/directory.ts";
import type { JobContext } from "./jobs.ts";
import { receiveObject, type Received, type ReceiveJob } from "./receive.ts";
import { bundledWorker, Thread } from "./threads.ts";

export interface ReceiverOptions {
  readonly compression: CompressionSettings;
  /** Threads at most; there are fewer than cores, since this one goes on fetching. */
  readonly concurrency: number;
  /** How many objects there will be. */
  readonly objects: number;
  /** The worker's entry, where it is not beside the bundle. */
  readonly workerEntry?: URL | undefined;
}

/** Verifies and writes small objects as they come. */
export interface Receiver {
  /** As `receiveObject`. The bytes are given away. */
  receive(job: ReceiveJob): Promise<Received>;
  /** Ends the threads; to be called when nothing is under way. */
  close(): Promise<void>;
}

/** More than this is worth the 40 ms that a thread takes to start. */
const MANY_OBJECTS = 32;
/** Handing over less takes longer than writing it: some 0.2 ms, on both sides together. */
const WORTH_BYTES = 64 * 1024;
/** What threads call the only run that there is. */
const RUN = 0;

/** Makes a receiver for a directory store: where there are many objects to come, with threads, which start with the first that is worth it. */
export function openReceiver(to: DirectoryStore, options: ReceiverOptions): Receiver {
  const { compression, concurrency, objects, workerEntry } = options;
  const entry = workerEntry ?? bundledWorker();
  const count = objects > MANY_OBJECTS && entry ? Math.min(availableParallelism() - 1, concurrency) : 0;
  if (!entry || count < 1) return { receive: (job) => receiveObject(job, to), close: async () => {} };
  const context: JobContext = { localRoot: to.root, compression };
  return new Threads(to, () => Array.from({ length: count }, () => new Thread(entry, context, () => {})));
}

class Threads implements Receiver {
  readonly #to: DirectoryStore;
  readonly #start: () => readonly Thread[];
  #threads: readonly Thread[] | undefined;

  constructor(to: DirectoryStore, start: () => readonly Thread[]) {
    this.#to = to;
    this.#start = start;
  }

  async receive(job: ReceiveJob): Promise<Received> {
    const { buffer, byteLength } = job.bytes;
    if (byteLength < WORTH_BYTES) return receiveObject(job, this.#to);
    const thread = (this.#threads ??= this.#start()).reduce((least, each) => (each.load < least.load ? each : least));
    // What shares its memory with others is copied.
    const given = buffer instanceof ArrayBuffer && buffer.byteLength === byteLength ? [buffer] : [];
    const [result] = await thread.run(RUN, [{ kind: "receive", ...job }], given);
    return result as Received;
  }

  async close(): Promise<void> {
    await Promise.all((this.#threads ?? []).map((thread) => thread.close()));
  }
}
