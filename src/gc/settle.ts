import { statfs } from "node:fs/promises";
import type { Report } from "../events.ts";
import { isDirectoryStore } from "../store/directory.ts";
import type { Store } from "../store/port.ts";
import type { ThisRun } from "./this-run.ts";

/** A client may show a directory as it was a minute ago (acdirmax of nfs(5)); twice that, and a little. */
const SETTLE_MS = 135_000;
/** `f_type` of statfs(2), from linux/magic.h: NFS, SMB and CIFS, FUSE, Ceph, AFS, 9P, GFS2, OCFS2, Lustre, BeeGFS. */
const NETWORK = new Set([0x6969, 0xff534d42, 0xfe534d42, 0x517b, 0x65735546, 0x00c36400, 0x5346414f, 0x01021997, 0x01161970, 0x7461636f, 0x0bd00bd0, 0x19830326]);

/** Waits until everybody sees what was written to the store; that is at once, but for network file systems. */
export async function settle(store: Store, { run, report, signal }: { run: ThisRun; report: Report; signal: AbortSignal }): Promise<void> {
  if (!isDirectoryStore(store) || (await isAtOnce(store))) return;
  report({ kind: "info", message: `waiting for ${SETTLE_MS / 1000} s, since ${store.url} is on a network file system, which may show others what was there a minute ago` });
  await run.pause(SETTLE_MS, signal);
}

/** Whether what a process asks of the store is done when it has ended: in a directory of this machine. */
export async function isAtOnce(store: Store): Promise<boolean> {
  return isDirectoryStore(store) && !(await isRemote(store.root));
}

async function isRemote(directory: string): Promise<boolean> {
  try {
    return NETWORK.has(Number((await statfs(directory)).type) >>> 0);
  } catch {
    return true;
  }
}
