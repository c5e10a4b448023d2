import type { Context } from "../context.ts";
import { isBallastError } from "../errors.ts";
import { collectClaims, type Claimed } from "../gc/collect.ts";
import { fenced } from "../gc/fence.ts";
import { contentsOf } from "../gc/pending.ts";
import { settle } from "../gc/settle.ts";
import { announce } from "../gc/sweeps.ts";
import { thisRun, type ThisRun } from "../gc/this-run.ts";
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
import { formatPath } from "../util/format.ts";
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
 * a commit that this repository knows (the remotes are fetched first), a stash, a reflog, a staged manifest, another object as
 * its base, what another repository that shares the store has claimed, or a push of this one that may be under way. It goes by the steps of a
 * cleanup, so that pushes which begin meanwhile wait for its end (docs/cleanup.md).
 * @param options.manifest what this worktree's manifest will still hold
 * @throws LOCKED while another run removes objects, or when this one has slept; what the stores throw
 */
export async function purge(context: Context, candidates: readonly Wanted[], { manifest, dryRun }: PurgeOptions): Promise<PurgeResult> {
  const places = new Map<Oid, string>(candidates.map(({ oid, path }) => [oid, path]));
  if (places.size === 0) return { purged: [], kept: [] };
  const all = (why: string): PurgeResult => ({ purged: [], kept: [...places].map(([oid, path]) => ({ oid, path, why })) });
  if (await isShallow(context.repository)) return all("this clone is shallow, and commits that it lacks may use it; git fetch --unshallow first");
  const run = thisRun();
  const remote = await openRemoteStore(context);
  try {
    const stores = [remote, await localStore(context)] as const;
    const decide = async (): Promise<Decided> => {
      const reasons = new Map<Oid, string>();
      // In this order, as C2 and C3.
      const claims = await collectClaims(remote, { concurrency: context.settings.concurrency, signal: context.signal });
      const unknown = await fetchAll(context);
      if (unknown !== undefined) for (const oid of places.keys()) reasons.set(oid, `the remotes could not be fetched, and commits there may use it: ${unknown}`);
      else await findReasons(context, { places, manifest, claims, run }, reasons);
      const free = new Set([...places.keys()].filter((oid) => !reasons.has(oid)));
      const going = free.size > 0 ? await unneeded(stores, free, reasons, context.signal) : [];
      return { reasons, going };
    };
    const { reasons, going } = dryRun ? await decide() : await removeUnneeded(context, stores, { oids: [...places.keys()], decide, run });
    const storedBytes = new Map<Oid, number>();
    for (const { oid, sizeBytes } of going.flat()) storedBytes.set(oid, (storedBytes.get(oid) ?? 0) + sizeBytes);
    const kept = [...reasons].map(([oid, why]) => ({ oid, path: places.get(oid)!, why }));
    return { purged: [...storedBytes].map(([oid, bytes]) => ({ oid, path: places.get(oid)!, storedBytes: bytes })), kept };
  } finally {
    remote.close();
  }
}

export interface PurgeOptions {
  readonly manifest: readonly Wanted[];
  readonly dryRun: boolean;
}

/** What goes from each store, and why the rest stays. */
interface Decided {
  readonly reasons: Map<Oid, string>;
  readonly going: readonly (readonly Going[])[];
}

interface Asked {
  readonly places: ReadonlyMap<Oid, string>;
  readonly manifest: readonly Wanted[];
  readonly claims: readonly Claimed[];
  readonly run: ThisRun;
}

/** Why contents are needed: by this repository's commits, by others that use the store, or by a push that may be under way. */
async function findReasons({ repository, signal }: Context, { places, manifest, claims, run }: Asked, reasons: Map<Oid, string>): Promise<void> {
  for (const [oid, why] of await findInUse(repository, new Set(places.keys()), manifest, signal)) reasons.set(oid, why);
  const own = new Set((await ownRepositories(repository)).map(({ id }) => id));
  for (const claim of claims) {
    const why = !own.has(claim.repository) ? `the repository ${claim.label} has claimed it` : mayPublish(claim, run) ? underWay(claim) : undefined;
    if (why !== undefined) for (const oid of claim.oids) if (places.has(oid) && !reasons.has(oid)) reasons.set(oid, why);
  }
}

/** Whether the push that made a claim may not have ended: its process, or that of Git above it. */
function mayPublish({ kind, processes }: Claimed, run: ThisRun): boolean {
  return kind === "claim" && !processes?.every((process) => run.isGone(process));
}

function underWay({ processes, writtenMs }: Claimed): string {
  const since = new Date(writtenMs).toISOString().slice(0, 16).replace("T", " ");
  return `a push${processes === undefined ? "" : ` from ${formatPath(processes[0]!.host)}`} that began at ${since} UTC may still be under way; purge it there, or a week later`;
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

/**
 * Removes what can go, as a cleanup does (docs/cleanup.md, C1 to C5); nobody else removes or re-encodes objects of these stores
 * meanwhile.
 */
async function removeUnneeded({ settings, report, signal }: Context, [remote, local]: readonly [Store, Store], { oids, decide, run }: { oids: readonly Oid[]; decide: () => Promise<Decided>; run: ThisRun }): Promise<Decided> {
  const sweeping = await announce(remote, oids, { all: false, run, signal });
  const removals: Removal[] = [];
  const asked = new Set<string>();
  try {
    const options = { ...thisProcess("remove --purge"), concurrency: settings.concurrency, signal };
    for (const store of [fenced(remote, sweeping), local]) removals.push(await takeRemoval(store, options));
    await settle(remote, { run, report, signal });
    const decided = await decide();
    for (const { key } of decided.going[0] ?? []) asked.add(key);
    // The remote first: when it fails, the local store still has everything.
    for (const [i, some] of decided.going.entries()) await removals[i]!.remove(some.map(({ key }) => key));
    await settle(remote, { run, report, signal });
    return decided;
  } finally {
    const unanswered = contentsOf([...(removals[0]?.pending ?? [])]);
    for (const removal of removals) await removal.release();
    const concerned = contentsOf(asked);
    await sweeping.end([...unanswered].filter((oid) => concerned.has(oid)));
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
