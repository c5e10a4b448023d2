/** The entry of a worker thread that does jobs for a pool; bundled by itself. */
import { parentPort, workerData } from "node:worker_threads";
import { JobRunner, type JobContext } from "./jobs.ts";
import type { FromWorker, ToWorker } from "./messages.ts";
import { toPlain } from "./plain-error.ts";

const BYTES_INTERVAL_MS = 100;

interface Run {
  readonly runner: JobRunner;
  readonly abort: AbortController;
}

const port = parentPort;
if (!port) throw new Error("this module is the entry of a worker thread");
const context = workerData as JobContext;
const runs = new Map<number, Run>();
const send = (message: FromWorker): void => port.postMessage(message);

port.on("message", (message: ToWorker) => {
  if (message.kind === "run") void work(message);
  else {
    const run = runs.get(message.run);
    if (message.kind === "abort") run?.abort.abort();
    else {
      runs.delete(message.run);
      run?.runner.close();
    }
  }
});

async function work({ run, id, jobs }: ToWorker & { kind: "run" }): Promise<void> {
  const { runner, abort } = runOf(run);
  try {
    send({ kind: "done", id, results: await runner.run(jobs, abort.signal) });
  } catch (error) {
    send({ kind: "failed", id, error: toPlain(error) });
  }
}

function runOf(id: number): Run {
  let run = runs.get(id);
  if (!run) {
    let pending = 0;
    let toldAt = performance.now();
    const onBytes = (bytes: number): void => {
      pending += bytes;
      if (performance.now() - toldAt < BYTES_INTERVAL_MS) return;
      send({ kind: "bytes", run: id, bytes: pending });
      pending = 0;
      toldAt = performance.now();
    };
    run = { runner: new JobRunner(context, onBytes), abort: new AbortController() };
    runs.set(id, run);
  }
  return run;
}
