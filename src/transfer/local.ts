import type { Context } from "../context.ts";
import type { DirectoryStore } from "../store/directory.ts";
import { openLocalStore } from "../store/open.ts";

/** The local store, made where a plain clone has none yet. @throws STORE_READ_ONLY, DISK_FULL, STORE_VERSION */
export async function localStore({ repository, signal }: Pick<Context, "repository" | "signal">): Promise<DirectoryStore> {
  const store = openLocalStore(repository);
  await store.initialise(signal);
  return store;
}
