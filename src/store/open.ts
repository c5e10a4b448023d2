import { existsSync, realpathSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import type { NamedStore } from "../config/named-store.ts";
import { checkPin } from "../config/pin.ts";
import type { Settings } from "../config/settings.ts";
import { directoryOf, EMBEDDED, parseStoreUrl } from "../config/store-url.ts";
import type { Context } from "../context.ts";
import { BallastError, isBallastError } from "../errors.ts";
import type { Report } from "../events.ts";
import { gitConfig } from "../git/config.ts";
import { sharedState, type Repository } from "../git/repository.ts";
import { isDirectoryStore, openDirectoryStore, type DirectoryStore } from "./directory.ts";
import type { Store } from "./port.ts";
import { isSharedCache } from "./shared-cache.ts";
import { initialiseStore, storeVersion } from "./version.ts";

export { parseStoreUrl };

/**
 * The remote store of this repository, once its place is one that the user trusts and its layout is one that this
 * version knows. The caller closes it.
 * @throws NOT_INITIALISED without a store, STORE_CHANGED, STORE_VERSION, and what the store's own methods throw
 */
export async function openRemoteStore(context: Context): Promise<Store> {
  const { repository, settings, report, signal } = context;
  const url = requireStore(settings);
  const pinned = await checkPin(repository, settings);
  if (pinned !== undefined) report({ kind: "info", message: `this clone now trusts the store ${pinned}` });
  const store = await openStore(url, settings, report, { commonDir: repository.commonDir, embeddedDir: await embeddedDirectory(repository) });
  try {
    await requireVersion(store, signal);
    return store;
  } catch (error) {
    store.close();
    throw error;
  }
}

/**
 * A store beside the one of this repository, which the user has named for this run, to be read. The user's own word needs no
 * pin. The caller closes it.
 * @throws STORE_MISSING, STORE_VERSION, and what the store's own methods throw
 */
export async function openNamedStore({ repository, report, signal }: Context, { url, settings }: NamedStore): Promise<Store> {
  const store = await openStore(url, settings, report, { commonDir: repository.commonDir, embeddedDir: await embeddedDirectory(repository) });
  try {
    await requireVersion(store, signal, "check the URL; a store has its ballast.json beside objects/, and the local store of a clone is its .git/ballast");
    return store;
  } catch (error) {
    store.close();
    throw error;
  }
}

/**
 * The adapter for a URL of `parseStoreUrl`. Nothing is read or written yet. The AWS SDK is loaded only for S3.
 * @param places where `embedded` is: in this Git directory, unless `embeddedDir` says otherwise
 * @throws USAGE for what is no store
 */
export async function openStore(url: string, settings: Settings, report: Report, places: { commonDir: string; embeddedDir?: string }): Promise<Store> {
  const canonical = parseStoreUrl(url);
  if (canonical === EMBEDDED) return openDirectoryStore(places.embeddedDir ?? join(places.commonDir, "ballast", "store"), EMBEDDED);
  if (canonical.startsWith("file:")) return openDirectoryStore(directoryOf(canonical), canonical);
  const { openS3Store } = await import("./s3/store.ts");
  return openS3Store(canonical, settings.s3, report);
}

/** The store in the Git directory: what was recorded here, and a cache of what was downloaded. */
export function openLocalStore(repository: Repository): DirectoryStore {
  return openDirectoryStore(join(repository.commonDir, "ballast"));
}

/**
 * The stores whose objects are files of this machine: the local one, and the remote one where it is a directory that
 * can be used now. What keeps the remote one from being used is no failure here.
 */
export async function openStoresHere(context: Context): Promise<DirectoryStore[]> {
  const local = openLocalStore(context.repository);
  if (context.settings.storeUrl === undefined || parseStoreUrl(context.settings.storeUrl).startsWith("s3:")) return [local];
  try {
    const remote = await openRemoteStore(context);
    return isDirectoryStore(remote) ? [local, remote] : [local];
  } catch (error) {
    context.signal.throwIfAborted();
    if (!isBallastError(error)) throw error;
    return [local];
  }
}

/** @throws NOT_INITIALISED */
export function requireStore(settings: Settings): string {
  if (settings.storeUrl !== undefined) return settings.storeUrl;
  throw new BallastError("NOT_INITIALISED", "no store is configured: .ballast/config names none", { hint: "git ballast init s3://bucket/prefix, or git ballast init for a store in this repository" });
}

/**
 * The directory of the embedded store. A clone of a repository on this machine uses the one of its origin, so that
 * assets come along without a store elsewhere.
 */
export async function embeddedDirectory(repository: Repository): Promise<string> {
  const own = sharedState(repository, "store");
  if (existsSync(join(own, "ballast.json"))) return own;
  const origin = await gitConfig(repository, "remote.origin.url");
  const theirs = origin === undefined ? undefined : gitDirectoryAt(repository, origin);
  if (theirs === undefined) return own;
  const store = join(theirs, "ballast", "store");
  return existsSync(join(store, "ballast.json")) ? store : own;
}

function gitDirectoryAt(repository: Repository, origin: string): string | undefined {
  let path: string;
  try {
    // A remote such as host:path is no local path, and neither is any URL but file:.
    if (origin.startsWith("file://")) path = fileURLToPath(origin);
    else if (/^[^/]*:/.test(origin)) return undefined;
    else path = resolve(repository.top, origin);
    for (const candidate of [join(path, ".git"), path, `${path}.git`]) {
      if (statSync(join(candidate, "objects"), { throwIfNoEntry: false })?.isDirectory()) return realpathSync(candidate);
    }
  } catch {
    // An origin that cannot be looked at is as good as one elsewhere.
  }
  return undefined;
}

async function requireVersion(store: Store, signal: AbortSignal, hint = "check the URL with git ballast store show; git ballast init makes a new store there"): Promise<void> {
  if ((await storeVersion(store, signal)) !== undefined) return;
  if (store.url === EMBEDDED) {
    throw new BallastError("STORE_MISSING", "the embedded store is not here: it stays inside the Git directory where it was made", {
      hint: "clone from that directory on the same machine, or there: git ballast store set s3://bucket/prefix, and push",
    });
  }
  throw new BallastError("STORE_MISSING", `${store.url} is not a Ballast store: it has no ballast.json`, { hint });
}

/**
 * The store that the settings name, made into one where it is none yet: for `init` and `store set`, which ask for it.
 * The caller closes it. Nothing is pinned or compared with a pin.
 * @throws what {@link openRemoteStore} throws, but for STORE_CHANGED; STORE_READ_ONLY, STORE_DENIED
 */
export async function createStore(context: Context): Promise<Store> {
  const { repository, settings, report, signal } = context;
  const store = await openStore(requireStore(settings), settings, report, { commonDir: repository.commonDir, embeddedDir: await embeddedDirectory(repository) });
  try {
    await makeStore(store, signal);
    return store;
  } catch (error) {
    store.close();
    throw error;
  }
}

/**
 * Makes the place that an adapter was opened for a store, unless it is one.
 * @throws USAGE for a directory that clones share as a cache; STORE_VERSION, and what the store's own methods throw
 */
export async function makeStore(store: Store, signal: AbortSignal): Promise<void> {
  if (!isDirectoryStore(store)) return void (await initialiseStore(store, signal));
  if (isSharedCache(store.root)) throw new BallastError("USAGE", `${store.root} is a cache (cache.dir), which may be emptied at any time`, { hint: "name another directory" });
  await store.initialise(signal);
}
