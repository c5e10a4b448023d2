/*
 * What Git starts: hooks, the filter, the diff and merge drivers. It is bundled into one CommonJS file, which Node loads
 * faster than modules; so nothing here waits at the top level.
 */
import { runDriver, type Driver } from "./cli/run-driver.ts";

const [verb, ...rest] = process.argv.slice(2);
void runDriver(verb as Driver, rest).then((status) => (process.exitCode = status));
