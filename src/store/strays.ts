import type { Dirent } from "node:fs";
import { lstat, readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { parseName } from "../object/name.ts";
import { isAbsent, storeFailure } from "./directory-errors.ts";
import { isKeyComponent, TEMPORARY } from "./key.ts";
import type { Stray } from "./port.ts";

/**
 * What is in a directory store and no key's: files in `tmp/`, and whatever keeps an object from being read or written
 * because it stands in its place. Names that cannot be part of a key are nobody's concern.
 * @throws STORE_DENIED, STORE_UNREACHABLE for a directory that cannot be listed
 */
export async function* straysIn(root: string, url: string, signal?: AbortSignal): AsyncGenerator<Stray> {
  const entries = (directory: string): Promise<Dirent[]> => read(root, directory, url);
  for (const { name } of await entries(TEMPORARY)) {
    const stray = await look(root, `${TEMPORARY}/${name}`, "temporary", "an unfinished file");
    if (stray) yield stray;
  }
  const objects = await lstat(join(root, "objects")).catch(() => undefined);
  if (objects && !objects.isDirectory() && !objects.isSymbolicLink()) {
    yield { kind: "obstacle", place: "objects", detail: "a file where the directory of all objects should be", ageMs: Date.now() - objects.mtimeMs };
  }
  for (const fanOut of await entries("objects")) {
    signal?.throwIfAborted();
    if (!/^[0-9a-f]{2}$/.test(fanOut.name)) continue;
    const directory = `objects/${fanOut.name}`;
    if (!fanOut.isDirectory() && !fanOut.isSymbolicLink()) {
      const stray = await look(root, directory, "obstacle", "a file where a directory of objects should be");
      if (stray) yield stray;
      continue;
    }
    for (const entry of await entries(directory)) {
      if (entry.isFile() || !isKeyComponent(entry.name) || parseName(entry.name) === undefined) continue;
      const stray = await obstacle(root, `${directory}/${entry.name}`, entry.isSymbolicLink());
      if (stray) yield stray;
    }
  }
}

async function obstacle(root: string, place: string, link: boolean): Promise<Stray | undefined> {
  if (!link) return look(root, place, "obstacle", "no file, in the place of an object");
  // A link to a file is as good as the file.
  const target = await stat(join(root, place)).catch(() => undefined);
  return target?.isFile() ? undefined : look(root, place, "obstacle", "a link that leads to no file, in the place of an object");
}

async function look(root: string, place: string, kind: Stray["kind"], detail: string): Promise<Stray | undefined> {
  const stat = await lstat(join(root, place)).catch(() => undefined);
  return stat && { kind, place, detail, ageMs: Date.now() - stat.mtimeMs };
}

async function read(root: string, directory: string, url: string): Promise<Dirent[]> {
  try {
    return (await readdir(join(root, directory), { withFileTypes: true })).sort((a, b) => (a.name < b.name ? -1 : 1));
  } catch (error) {
    if (isAbsent(error)) return [];
    throw storeFailure(error, url, `cannot list ${directory}`, "read");
  }
}
