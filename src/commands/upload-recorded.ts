import type { Context } from "../context.ts";
import { pushTarget } from "../git/identity.ts";
import { defaultRemote } from "../git/porcelain.ts";
import { readManifestFile } from "../worktree/session.ts";
import { upload } from "../transfer/upload.ts";

/**
 * Uploads what the manifest file names now, before any commit does.
 * @returns how many objects were uploaded; those that the store had already do not count
 * @throws as {@link upload}
 */
export async function uploadRecorded(context: Context): Promise<{ objects: number }> {
  const byOid = new Map([...readManifestFile(context.repository).values()].map((asset) => [asset.oid, asset]));
  const repository = await pushTarget(context.repository, await defaultRemote(context.repository));
  const { uploaded } = await upload(context, [...byOid.values()], { repository });
  return { objects: uploaded.length };
}
