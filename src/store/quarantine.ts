/*
 * What is damaged is kept aside, under keys of its own (docs/format.md):
 *
 *   quarantine/<name>.<number>
 *
 * where the name is the last component of the key that it had. Nothing reads these keys but people.
 */
import { link, mkdir, rename, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { systemCode } from "../errors.ts";
import { syncDirectory } from "../util/sync-directory.ts";
import { isDirectoryStore, type DirectoryStore } from "./directory.ts";
import type { Entry, Store } from "./port.ts";
import { NO_LINKS } from "./temporary.ts";

export const QUARANTINE_PREFIX = "quarantine/";

/**
 * Gives the bytes of a key a second name in the quarantine, durably; the caller then removes the first. In a directory
 * that takes no space; in a bucket it is a copy. Whoever was killed in between does it again, which costs a name at
 * most.
 * @returns the key in the quarantine
 * @throws what the store throws
 */
export async function keepAside(store: Store, { key, sizeBytes }: Pick<Entry, "key" | "sizeBytes">, signal?: AbortSignal): Promise<string> {
  const prefix = prefixFor(key);
  const taken = new Set<string>();
  for await (const entry of store.list(prefix, signal)) taken.add(entry.key);
  for (let number = 1; ; number++) {
    const target = `${prefix}${number}`;
    if (taken.has(target) && !(isDirectoryStore(store) && (await isSameFile(store, key, target)))) continue;
    if (taken.has(target)) return target;
    const outcome = (isDirectoryStore(store) && (await linkTo(store, key, target))) || (await copyTo(store, key, target, sizeBytes, signal));
    if (outcome === "created") return target;
  }
}

/**
 * Moves what is no file, and stands in the way of one, into the quarantine of a directory store.
 * @param place relative to the root
 * @returns where it is now, relative to the root
 */
export async function moveAside(store: DirectoryStore, place: string): Promise<string> {
  const prefix = prefixFor(place);
  await mkdir(join(store.root, QUARANTINE_PREFIX), { recursive: true });
  for (let number = 1; ; number++) {
    const target = `${prefix}${number}`;
    if (await stat(join(store.root, target)).then(() => true, () => false)) continue;
    await rename(join(store.root, place), join(store.root, target));
    await syncDirectory(join(store.root, QUARANTINE_PREFIX));
    await syncDirectory(dirname(join(store.root, place)));
    return target;
  }
}

/** A name as long as this leaves room for the number. */
const MOST_CHARS = 240;

function prefixFor(place: string): string {
  const name = place.split("/").at(-1)!.slice(0, MOST_CHARS).replace(/[^A-Za-z0-9._-]/g, "_").replace(/^\./, "_");
  return `${QUARANTINE_PREFIX}${name}.`;
}

function copyTo(store: Store, key: string, target: string, sizeBytes: number, signal: AbortSignal | undefined): Promise<"created" | "exists"> {
  return store.write(target, { sizeBytes, open: (range, each, chunks) => store.read(key, range, each, chunks) }, signal);
}

/** Undefined where the file system has no hard links. */
async function linkTo(store: DirectoryStore, key: string, target: string): Promise<"created" | "exists" | undefined> {
  const to = store.pathOf(target);
  try {
    await mkdir(dirname(to), { recursive: true });
    await link(store.pathOf(key), to);
    await syncDirectory(dirname(to));
    await syncDirectory(store.root);
    return "created";
  } catch (error) {
    const code = systemCode(error) ?? "";
    if (code === "EEXIST") return "exists";
    if (NO_LINKS.has(code)) return undefined;
    throw store.writeFailure(error);
  }
}

async function isSameFile(store: DirectoryStore, a: string, b: string): Promise<boolean> {
  const [one, other] = await Promise.all([a, b].map((key) => stat(store.pathOf(key), { bigint: true }).catch(() => undefined)));
  return one !== undefined && other !== undefined && one.ino === other.ino && one.dev === other.dev;
}
