import { lstat, readdir, readFile, readlink } from "node:fs/promises";
import { join } from "node:path";
import { sha256 } from "./sandbox.ts";

/**
 * Everything below a directory, by relative path: its kind, mode and content. Two are equal when nothing was made,
 * removed or changed in between.
 * @param except paths that are left out, with all that is below them
 */
export async function snapshot(directory: string, except: readonly string[] = []): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  const walk = async (path: string): Promise<void> => {
    for (const name of (await readdir(join(directory, path))).sort()) {
      const child = path === "" ? name : `${path}/${name}`;
      if (except.includes(child)) continue;
      const file = join(directory, child);
      const stat = await lstat(file);
      const mode = (stat.mode & 0o7777).toString(8);
      if (stat.isDirectory()) {
        found[`${child}/`] = mode;
        await walk(child);
      } else if (stat.isSymbolicLink()) found[child] = `-> ${await readlink(file)}`;
      else found[child] = `${mode} ${stat.isFile() ? sha256(await readFile(file)) : "special"}`;
    }
  };
  await walk("");
  return found;
}
