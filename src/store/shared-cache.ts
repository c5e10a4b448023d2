import { closeSync, openSync, readdirSync, readFileSync, statSync, writeSync } from "node:fs";
import { join } from "node:path";
import type { Context } from "../context.ts";
import type { Settings } from "../config/settings.ts";
import { BallastError, isBallastError } from "../errors.ts";
import { isAbsent, storeFailure } from "./directory-errors.ts";
import { openDirectoryStore, type DirectoryStore } from "./directory.ts";

/*
 * The directory that clones of one machine share (`cache.dir`) has the layout of a store and one file more, which says
 * that it is a cache: prune may empty it, and backups leave it out (https://bford.info/cachedir/).
 */
const TAG = "CACHEDIR.TAG";
const TEXT = `Signature: 8a477f597d28d172789f06886806bc55
# Objects that clones share (git ballast config cache.dir). Everything here is in some remote store too.
`;

/** One answer, and at most one warning, for everything that runs with the same settings. */
const opened = new WeakMap<Settings, Promise<DirectoryStore | undefined>>();

/**
 * The directory that clones share, ready for use. Undefined without `cache.dir`; or, with a warning, when it is not there
 * or is no such directory: then everything goes on as without it.
 */
export function openSharedCache(context: Pick<Context, "settings" | "report" | "signal">): Promise<DirectoryStore | undefined> {
  const { settings } = context;
  if (!opened.has(settings)) opened.set(settings, open(context));
  return opened.get(settings)!;
}

/** Says once that the shared cache is left out from now on, and why. */
export function leaveSharedCache({ settings, report }: Pick<Context, "settings" | "report">, failure: BallastError): void {
  opened.set(settings, Promise.resolve(undefined));
  report({ kind: "warning", message: `going on without the shared cache: ${failure.message}`, ...(failure.hint === undefined ? {} : { hint: failure.hint }) });
}

/**
 * Makes an empty directory one that clones may share, unless it is one.
 * @throws USAGE when it is not there or holds something else; STORE_READ_ONLY, DISK_FULL, STORE_VERSION
 */
export async function initialiseSharedCache(root: string, signal?: AbortSignal): Promise<DirectoryStore> {
  const store = openDirectoryStore(root);
  try {
    if (!statSync(root).isDirectory()) throw new BallastError("USAGE", `${root} is no directory`, { hint: "git ballast config cache.dir <directory>" });
    tag(root);
  } catch (error) {
    if (isAbsent(error)) throw new BallastError("USAGE", `there is no directory ${root}`, { hint: "mount it, or make it: git ballast config cache.dir <directory>", cause: error });
    throw storeFailure(error, store.url, "cannot use it", "write");
  }
  await store.initialise(signal);
  return store;
}

/** Whether a directory was made for clones to share; a store that is somebody's only one never is. */
export function isSharedCache(root: string): boolean {
  return readTag(root) === TEXT;
}

async function open({ settings, report, signal }: Pick<Context, "settings" | "report" | "signal">): Promise<DirectoryStore | undefined> {
  if (settings.cache.dir === undefined) return undefined;
  try {
    return await initialiseSharedCache(settings.cache.dir, signal);
  } catch (error) {
    if (!isBallastError(error)) throw error;
    leaveSharedCache({ settings, report }, error);
    return undefined;
  }
}

function tag(root: string): void {
  const found = readTag(root);
  if (found === TEXT) return;
  // Whoever was killed while writing it left a beginning of it, and nothing else.
  if (found === undefined ? readdirSync(root).some((name) => name !== TAG && name !== "lost+found") : !TEXT.startsWith(found)) {
    throw new BallastError("USAGE", `${root} holds something else`, { hint: "name an empty directory: git ballast config cache.dir <directory>" });
  }
  const fd = openSync(join(root, TAG), "w");
  try {
    writeSync(fd, TEXT);
  } finally {
    closeSync(fd);
  }
}

function readTag(root: string): string | undefined {
  try {
    return readFileSync(join(root, TAG), "utf8");
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
}
