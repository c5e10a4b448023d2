import { access, constants, statfs } from "node:fs/promises";
import type { Diagnosis } from "./port.ts";

/**
 * Whether the directory can be read and written, and how much room is left.
 * @param requireRoot throws when the root is not there
 */
export async function* diagnoseDirectory(
  store: { readonly root: string; temporary(): { discard(): void } },
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
  try {
    store.temporary().discard();
    yield { name: "store writable", ok: true, detail: "a file was made and removed" };
  } catch (error) {
    yield { name: "store writable", ok: false, detail: error instanceof Error ? error.message : String(error) };
  }
  const { bavail, bsize } = await statfs(store.root);
  yield { name: "store space", ok: true, detail: `${((bavail * bsize) / 2 ** 30).toFixed(1)} GiB free` };
}
