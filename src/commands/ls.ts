import type { Context } from "../context.ts";
import type { Oid } from "../object/oid.ts";
import { openWorktree } from "../worktree/session.ts";
import { DirectoryCheck } from "../worktree/observe.ts";
import { selector } from "../worktree/tracking.ts";
import { storedHere, type Stored } from "./stored.ts";

export interface Listed {
  readonly path: string;
  readonly sizeBytes: number;
  readonly oid: Oid;
  readonly exec: boolean;
  /** Whether a file is there; `status` tells whether it is this version. */
  readonly present: boolean;
  /** How the local store holds it; undefined when only the remote store may. */
  readonly stored: Stored | undefined;
}

/** The tracked assets, by path, with how the local store holds each. Needs no network. */
export async function ls(context: Context, { paths }: { paths: readonly string[] }): Promise<Listed[]> {
  const { repository, cwd } = context;
  const { manifest } = openWorktree(repository);
  const select = selector(repository, cwd, paths);
  const assets = [...manifest.values()].filter(({ path }) => select(path));
  const { local } = await storedHere(context, assets.map(({ oid }) => oid), { alone: true });
  const directories = new DirectoryCheck(repository.top);
  return assets.map(({ path, sizeBytes, oid, exec }) => ({
    path,
    sizeBytes,
    oid,
    exec,
    present: directories.lstat(path)?.isFile() === true,
    stored: local(oid),
  }));
}
