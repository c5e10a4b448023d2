import type { Context } from "../context.ts";
import { isBallastError } from "../errors.ts";
import { collectClaims } from "../gc/collect.ts";
import { ownRepositories } from "../git/identity.ts";
import { fetchRefs, remotes } from "../git/porcelain.ts";
import { OBJECTS_PREFIX, parseKey, type ObjectName } from "../object/name.ts";
import type { Oid } from "../object/oid.ts";
import { openRemoteStore } from "../store/open.ts";
import type { Store } from "../store/port.ts";
import { findInUse, isShallow } from "./in-use.ts";
import { neededBases } from "./keep-bases.ts";
import { localStore } from "./local.ts";
import { takeRemoval, type Removal } from "./removal.ts";
import { thisProcess } from "./this-process.ts";
import type { Wanted } from "./wanted.ts";

export interface Purged {
  readonly oid: Oid;
  readonly path: string;
  /** What its objects took, in the remote and the local store together. */
  readonly storedBytes: number;
}

export interface KeptObject {
  readonly oid: Oid;
  readonly path: string;
  readonly why: string;
}

export interface PurgeResult {
  readonly purged: Purged[];
  readonly kept: KeptObject[];
}

/**
 * Removes the objects of these contents from the remote and the local store, except those that something still needs:
 * a commit that this repository knows (the remotes are fetched first), a stash, a reflog, a staged manifest, or
 * another object as its base, or what another repository that shares the store has claimed (docs/cleanup.md). Pushes that
 * are under way in clones of this repository are not waited for.
 * @param options.manifest what this worktree's manifest will still hold
 * @throws LOCKED while another run removes objects; what the stores throw
 */
export async function purge(context: Context, candidates: readonly Wanted[], { manifest, dryRun }: { manifest: readonly Wanted[]; dryRun: boolean }): Promise<PurgeResult> {
  const { repository, signal } = context;
  const places = new Map<Oid, string>(candidates.map(({ oid, path }) => [oid, path]));
  const all = (why: string): PurgeResult => ({ purged: [], kept: [...places].map(([oid, path]) => ({ oid, path, why })) });
  if (places.size === 0) return { purged: [], kept: [] };
  if (await isShallow(repository)) return all("this clone is shallow, and commits that it lacks may use it; git fetch --unshallow first");
  const unknown = await fetchAll(context);
  if (unknown !== undefined) return all(`the remotes could not be fetched, and commits there may use it: ${unknown}`);
  const reasons = await findInUse(repository, new Set(places.keys()), manifest, signal);
  const free = new Set([...places.keys()].filter((oid) => !reasons.has(oid)));
  const storedBytes = new Map<Oid, number>();
  if (free.size > 0) {
    const remote = await openRemoteStore(context);
    try {
      await keepClaimed(context, remote, free, reasons);
      for (const { oid, sizeBytes } of await removeUnneeded(context, [remote, await localStore(context)], { free, reasons, dryRun })) {
        storedBytes.set(oid, (storedBytes.get(oid) ?? 0) + sizeBytes);
      }
    } finally {
      remote.close();
    }
  }
  const kept = [...reasons].map(([oid, why]) => ({ oid, path: places.get(oid)!, why }));
  const purged = [...storedBytes].map(([oid, bytes]) => ({ oid, path: places.get(oid)!, storedBytes: bytes }));
  return { purged, kept };
}

/** Keeps what another repository that uses the store has claimed; of this one, the refs have told. */
async function keepClaimed({ repository, settings, signal }: Context, remote: Store, free: Set<Oid>, reasons: Map<Oid, string>): Promise<void> {
  const own = new Set((await ownRepositories(repository)).map(({ id }) => id));
  for (const { repository: id, label, oids } of await collectClaims(remote, { concurrency: settings.concurrency, signal })) {
    if (!own.has(id)) for (const oid of oids) if (free.delete(oid)) reasons.set(oid, `the repository ${label} has claimed it`);
  }
}

/** Why the remotes' refs are not up to date, or undefined when they are. */
async function fetchAll({ repository, signal }: Context): Promise<string | undefined> {
  if ((await remotes(repository)).length === 0) return undefined;
  try {
    await fetchRefs(repository, ["--all", "--quiet"], signal);
    return undefined;
  } catch (error) {
    if (!isBallastError(error, "GIT_FAILED")) throw error;
    return error.message;
  }
}

interface Going {
  readonly oid: Oid;
  readonly key: string;
  readonly sizeBytes: number;
}

interface Choice {
  readonly free: ReadonlySet<Oid>;
  /** Gains what must stay as a base. */
  readonly reasons: Map<Oid, string>;
  readonly dryRun: boolean;
}

/** Removes what can go; nobody else removes or re-encodes objects of these stores meanwhile. */
async function removeUnneeded({ settings, signal }: Context, stores: readonly Store[], { free, reasons, dryRun }: Choice): Promise<Going[]> {
  const removals: Removal[] = [];
  try {
    if (!dryRun) for (const store of stores) removals.push(await takeRemoval(store, { ...thisProcess("remove --purge"), concurrency: settings.concurrency, signal }));
    const going = await unneeded(stores, free, reasons, signal);
    // The remote first: when it fails, the local store still has everything.
    for (const [i, removal] of removals.entries()) await removal.remove(going[i]!.map(({ key }) => key));
    return going.flat();
  } finally {
    for (const removal of removals) await removal.release();
  }
}

/**
 * The objects of `free` that can go, by store; `reasons` gains those that must stay as bases. An object may need a base
 * that only the other store has, so all are listed before any goes.
 */
async function unneeded(
  stores: readonly Store[],
  free: ReadonlySet<Oid>,
  reasons: Map<Oid, string>,
  signal: AbortSignal,
): Promise<Going[][]> {
  const deltas: ObjectName[] = [];
  const found: Going[][] = [];
  for (const store of stores) {
    const objects: Going[] = [];
    for await (const { key, sizeBytes } of store.list(OBJECTS_PREFIX, signal)) {
      const name = parseKey(key);
      if (name === undefined) continue;
      if (name.base !== undefined) deltas.push(name);
      if (free.has(name.oid)) objects.push({ oid: name.oid, key, sizeBytes });
    }
    found.push(objects);
  }
  for (const [oid, dependent] of neededBases(deltas, free)) reasons.set(oid, `object ${dependent} is stored as a difference from it`);
  return found.map((objects) => objects.filter(({ oid }) => !reasons.has(oid)));
}
