import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import { isAlive } from "../util/process-name.ts";
import type { RemovalOptions } from "./removal.ts";

/** This process as one that removes objects. @param what the verb, for those who meet its record */
export function thisProcess(what: string): Pick<RemovalOptions, "nonce" | "host" | "pid" | "what" | "isAlive" | "nowMs" | "steadyMs"> {
  return { nonce: randomUUID(), host: hostname(), pid: process.pid, what, isAlive, nowMs: Date.now, steadyMs: () => performance.now() };
}
