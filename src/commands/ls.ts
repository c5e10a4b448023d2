import type { Context } from "../context.ts";
import type { Encoding } from "../object/name.ts";
import type { Oid } from "../object/oid.ts";
import type { StoredObject } from "../store/port.ts";
import { openStoresHere } from "../store/open.ts";
import { cataloguesOf, easiestWays, type Way } from "../transfer/chains.ts";
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
  readonly stored: Stored | undefined;
}

export interface Stored {
  readonly encoding: Encoding;
  readonly sizeBytes: number;
  readonly where: "local";
  /** What a delta stands on. */
  readonly base?: Oid;
  /** Deltas to apply; 0 for what is whole. Undefined when a base is in no store on this machine. */
  readonly depth: number | undefined;
}

/** The tracked assets, by path, with how the local store holds each. Needs no network. */
export async function ls(context: Context, { paths }: { paths: readonly string[] }): Promise<Listed[]> {
  const { repository, cwd } = context;
  const { manifest } = openWorktree(repository);
  const select = selector(repository, cwd, paths);
  const assets = [...manifest.values()].filter(({ path }) => select(path));
  await localStore(context);
  const stores = await openStoresHere(context);
  const catalogues = await cataloguesOf(stores, assets.map(({ oid }) => oid), context.signal);
  const ways = easiestWays(catalogues);
  const directories = new DirectoryCheck(repository.top);
  return assets.map(({ path, sizeBytes, oid, exec }) => ({
    path,
    sizeBytes,
    oid,
    exec,
    present: directories.lstat(path)?.isFile() === true,
    stored: describe(catalogues[0]!.get(oid), ways),
  }));
}

function describe(objects: readonly StoredObject[] | undefined, ways: ReadonlyMap<Oid, Way>): Stored | undefined {
  const smallest = objects?.toSorted((a, b) => a.sizeBytes - b.sizeBytes)[0];
  if (smallest === undefined) return undefined;
  const { encoding, base } = smallest.name;
  const stored = { encoding, sizeBytes: smallest.sizeBytes, where: "local" as const };
  if (base === undefined) return { ...stored, depth: 0 };
  const below = ways.get(base);
  return { ...stored, base, depth: below && below.depth + 1 };
}
