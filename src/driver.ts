/*
 * What Git starts: hooks, the filter, the diff and merge drivers. It is bundled into one CommonJS file, which Node loads
 * faster than modules; so nothing here waits at the top level.
 */
import { availableParallelism } from "node:os";
import { runDriver, type Driver } from "./cli/run-driver.ts";
import { setDefault } from "./config/environment.ts";

// Large content is compressed in Node's threads, which are four, and start with the first that is used. A module is read
// by one, so that main.js comes too late for this.
if (availableParallelism() > 4) setDefault("UV_THREADPOOL_SIZE", String(availableParallelism()));

const [verb, ...rest] = process.argv.slice(2);
void runDriver(verb as Driver, rest).then((status) => (process.exitCode = status));
