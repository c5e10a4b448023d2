import { realpathSync, statSync } from "node:fs";
import { sep } from "node:path";
import type { Repository } from "../git/repository.ts";
import type { Oid } from "../object/oid.ts";
import { isDirectoryStore, type DirectoryStore } from "../store/directory.ts";
import type { Store, StoredObject } from "../store/port.ts";
import { catalogueOf, decodable, type Catalogue } from "../transfer/chains.ts";
import type { Pushed } from "./pushed.ts";

/**
 * Of `oids`, those that the remote store can give by itself, right now: an object with everything that decoding it takes,
 * none of it in an archive, and of the right size where that can be told.
 */
export async function presentRemotely(remote: Store, oids: ReadonlySet<Oid>, { published }: Pushed, signal: AbortSignal): Promise<Set<Oid>> {
  if (oids.size === 0) return new Set();
  const catalogue = await catalogueOf(remote, oids, signal);
  const found = decodable(sound(catalogue, published));
  const present = new Set<Oid>();
  for (const oid of oids) if (found.has(oid)) present.add(oid);
  return present;
}

function* sound(catalogue: Catalogue, published: Pushed["published"]): Generator<StoredObject> {
  for (const objects of catalogue.values()) {
    for (const object of objects) {
      const { name, sizeBytes, archived } = object;
      if (!archived && (name.encoding !== "raw" || (published.get(name.oid) ?? sizeBytes) === sizeBytes)) yield object;
    }
  }
}

/**
 * Why what the remote store has is no second copy of what the local one has, or undefined when it is one: two names for
 * one directory, or a directory that goes when this Git directory goes; or a local store that others use too.
 */
export async function whyNoSecondCopy({ commonDir }: Repository, local: DirectoryStore, remote: Store): Promise<string | undefined> {
  const here = realpathSync(commonDir);
  if (!isWithin(real(local.root), here) || !isWithin(real(`${local.root}/objects`), here)) {
    return "nothing is evicted: the local store is a link to a directory outside of this Git directory, and others may need what is in it";
  }
  if (!isDirectoryStore(remote)) return undefined;
  for (const [a, b] of [[local.root, remote.root], [`${local.root}/objects`, `${remote.root}/objects`]] as const) {
    if (isSame(a, b)) return "nothing is evicted: the remote store and the local store are the same directory";
  }
  if (isWithin(real(remote.root), here) || isWithin(real(`${remote.root}/objects`), here)) {
    return "nothing is evicted: the store is inside this Git directory, so what it has is no second copy; git ballast store set moves it elsewhere";
  }
  return undefined;
}

function real(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}

function isWithin(path: string, directory: string): boolean {
  return path === directory || path.startsWith(directory.endsWith(sep) ? directory : directory + sep);
}

/** Also where mounts give one directory two names. */
function isSame(a: string, b: string): boolean {
  const [one, other] = [a, b].map((path) => statSync(path, { throwIfNoEntry: false, bigint: true }));
  return one !== undefined && other !== undefined && one.dev === other.dev && one.ino === other.ino;
}
