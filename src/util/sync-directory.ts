import { open } from "node:fs/promises";
import { systemCode } from "../errors.ts";

const active = new Map<string, Promise<void>>();
const waiting = new Map<string, Promise<void>>();

/**
 * Makes the names in a directory durable. Calls that overlap share one fsync: whoever asks while one is running waits
 * for the next one, because the running one may have missed the newest name.
 */
export function syncDirectory(directory: string): Promise<void> {
  const queued = waiting.get(directory);
  if (queued) return queued;
  const run: Promise<void> = start(directory, () => run);
  waiting.set(directory, run);
  return run;
}

async function start(directory: string, self: () => Promise<void>): Promise<void> {
  await active.get(directory)?.catch(() => {});
  // One turn of the microtask queue, so that calls made together are served together.
  await undefined;
  waiting.delete(directory);
  active.set(directory, self());
  try {
    await fsyncDirectory(directory);
  } finally {
    if (active.get(directory) === self()) active.delete(directory);
  }
}

async function fsyncDirectory(directory: string): Promise<void> {
  try {
    const handle = await open(directory, "r");
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  } catch (error) {
    // Windows cannot open a directory, some network and FUSE file systems cannot sync one; a directory that has
    // gone has no names to keep.
    if (!UNSUPPORTED.has(systemCode(error) ?? "")) throw error;
  }
}

const UNSUPPORTED = new Set(["EISDIR", "EPERM", "EINVAL", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EBADF", "ENOENT", "EACCES"]);
