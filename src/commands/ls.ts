import type { Context } from "../context.ts";
import type { Encoding } from "../object/name.ts";
import type { Oid } from "../object/oid.ts";
import type { StoredObject } from "../store/port.ts";
import { localStore } from "../transfer/local.ts";
import { openWorktree } from "../worktree/session.ts";
import { DirectoryCheck } from "../worktree/observe.ts";
import { selector } from "../worktree/tracking.ts";

export interface Listed {
  readonly path: string;
  readonly sizeBytes: number;
  readonly oid: Oid;
  readonly exec: boolean;
  /** Whether a file is there; `status` tells whether it is this version. */
  readonly present: boolean;
  /** How the local store holds it; undefined when only the remote store may. */
  readonly stored: { encoding: Encoding; sizeBytes: number; where: "local" } | undefined;
}

/** The tracked assets, by path, with how the local store holds each. Needs no network. */
export async function ls(context: Context, { paths }: { paths: readonly string[] }): Promise<Listed[]> {
  const { repository, cwd } = context;
  const { manifest } = openWorktree(repository);
  const select = selector(repository, cwd, paths);
  const assets = [...manifest.values()].filter(({ path }) => select(path));
  const objects = await (await localStore(context)).find(assets.map(({ oid }) => oid), context.signal);
  const directories = new DirectoryCheck(repository.top);
  return assets.map(({ path, sizeBytes, oid, exec }) => ({
    path,
    sizeBytes,
    oid,
    exec,
    present: directories.lstat(path)?.isFile() === true,
    stored: describe(objects.get(oid)),
  }));
}

function describe(objects: readonly StoredObject[] | undefined): Listed["stored"] {
  const smallest = objects?.toSorted((a, b) => a.sizeBytes - b.sizeBytes)[0];
  return smallest && { encoding: smallest.name.encoding, sizeBytes: smallest.sizeBytes, where: "local" };
}
