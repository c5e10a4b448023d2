import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import { systemCode } from "../errors.ts";
import type { RemovalOptions } from "./removal.ts";

/** This process as one that removes objects. @param what the verb, for those who meet its record */
export function thisProcess(what: string): Pick<RemovalOptions, "nonce" | "host" | "pid" | "what" | "isAlive" | "nowMs" | "steadyMs"> {
  return { nonce: randomUUID(), host: hostname(), pid: process.pid, what, isAlive, nowMs: Date.now, steadyMs: () => performance.now() };
}

/** Whether a process of this machine runs. */
export function isAlive(pid: number): boolean {
  if (!Number.isSafeInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // It may be somebody else's.
    return systemCode(error) !== "ESRCH";
  }
}
