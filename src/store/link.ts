import { lstatSync, statSync } from "node:fs";
import { link } from "node:fs/promises";
import { dirname } from "node:path";
import { systemCode } from "../errors.ts";
import type { DirectoryStore } from "./directory.ts";
import { makeDirectories, NO_LINKS } from "./temporary.ts";

/**
 * Gives the file of an object a second name in another store. Objects are never changed in place, so both stores have it
 * for good, and either may remove its name.
 * @returns undefined where that cannot be: across file systems, on one without links, or when the file is another user's,
 *   who could change it
 * @throws DISK_FULL, STORE_READ_ONLY
 */
export async function linkObject(from: DirectoryStore, to: DirectoryStore, key: string): Promise<"created" | "exists" | undefined> {
  const source = from.pathOf(key);
  const target = to.pathOf(key);
  if (!mayLink(from, to, key)) return undefined;
  for (let attempt = 1; ; attempt++) {
    try {
      await link(source, target);
      await to.syncNames([key]);
      return "created";
    } catch (error) {
      const code = systemCode(error) ?? "";
      if (code === "EEXIST") return "exists";
      if (NO_LINKS.has(code) || (code === "ENOENT" && (attempt === 2 || !mayLink(from, to, key)))) return undefined;
      if (code !== "ENOENT") throw to.writeFailure(error);
      await makeDirectories(dirname(target), to.root).catch((failure: unknown) => {
        throw to.writeFailure(failure);
      });
    }
  }
}

/** Whether an object is a regular file, no link to one, of the user who runs this, and the other store is on its file system. */
export function mayLink(from: DirectoryStore, to: DirectoryStore, key: string): boolean {
  const stat = lstatSync(from.pathOf(key), { throwIfNoEntry: false });
  if (stat?.isFile() !== true || (process.getuid !== undefined && stat.uid !== process.getuid())) return false;
  return statSync(to.root, { throwIfNoEntry: false })?.dev === stat.dev;
}
