import { access, constants, link, rm, statfs } from "node:fs/promises";
import { systemCode } from "../errors.ts";
import type { Diagnosis } from "./port.ts";

/**
 * Whether the directory can be read and written, and how much room is left.
 * @param requireRoot throws when the root is not there
 */
export async function* diagnoseDirectory(
  store: { readonly root: string; temporary(): { readonly path: string; discard(): void } },
  requireRoot: () => void,
): AsyncGenerator<Diagnosis> {
  try {
    requireRoot();
    await access(store.root, constants.R_OK | constants.X_OK);
    yield { name: "store directory", ok: true, detail: store.root };
  } catch (error) {
    yield { name: "store directory", ok: false, detail: error instanceof Error ? error.message : String(error) };
    return;
  }
  let writable = false;
  try {
    store.temporary().discard();
    writable = true;
    yield { name: "store writable", ok: true, detail: "a file was made and removed" };
  } catch (error) {
    yield { name: "store writable", ok: false, detail: error instanceof Error ? error.message : String(error) };
  }
  if (writable) yield await exclusiveNames(store);
  const { bavail, bsize } = await statfs(store.root);
  yield { name: "store space", ok: true, detail: `${((bavail * bsize) / 2 ** 30).toFixed(1)} GiB free` };
}

/** By what means a new name goes to one of several writers alone, which locks rest on. */
async function exclusiveNames(store: { temporary(): { readonly path: string; discard(): void } }): Promise<Diagnosis> {
  const name = "exclusive creation";
  let file: ReturnType<typeof store.temporary> | undefined;
  try {
    file = store.temporary();
    const second = `${file.path}-link`;
    await link(file.path, second);
    const refused = await link(file.path, second).then(() => false, (error: unknown) => systemCode(error) === "EEXIST");
    await rm(second, { force: true });
    if (!refused) return { name, ok: false, detail: "the file system gives one name to two files (link), so locks do not hold", mend: "put the store on another file system" };
    return { name, ok: true, detail: "hard links: a name goes to one writer alone, so locks hold" };
  } catch (error) {
    return { name, ok: true, detail: `no hard links here (${systemCode(error) ?? "unknown"}): a directory that one writer alone can make takes their place` };
  } finally {
    file?.discard();
  }
}
