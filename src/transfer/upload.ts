import type { Context } from "../context.ts";
import { BallastError, isBallastError } from "../errors.ts";
import { Claim, type ClaimOptions } from "../gc/claim.ts";
import { waitForSweeps } from "../gc/sweeps.ts";
import { isDoomed } from "../gc/unclaimed.ts";
import { thisRun, type ThisRun } from "../gc/this-run.ts";
import { cloneItself, type RepositoryId } from "../git/identity.ts";
import type { Oid } from "../object/oid.ts";
import type { DirectoryStore } from "../store/directory.ts";
import { openRemoteStore } from "../store/open.ts";
import type { Store, StoredObject } from "../store/port.ts";
import { catalogueOf, type Catalogue } from "./chains.ts";
import { copyObjects } from "./copy-objects.ts";
import { localStore } from "./local.ts";
import { planCopy, type CopyPlan } from "./plan-copy.ts";
import { findPresent } from "./presence.ts";
import { placesOf, salvage } from "./salvage.ts";
import { addToCache } from "./shared-cache.ts";
import type { Wanted } from "./wanted.ts";

export interface Uploaded<T extends Wanted> {
  /** What was copied, or would be. */
  readonly uploaded: readonly T[];
  /** Bytes of these contents, and of the objects that were copied for them (bases that were lacking included). */
  readonly bytes: number;
  readonly storedBytes: number;
  /** Objects that the store had already. */
  readonly present: number;
}

interface Stores {
  readonly local: DirectoryStore;
  readonly remote: Store;
}

export interface UploadOptions {
  readonly dryRun?: boolean;
  /** The repository whose commits need the objects; this clone itself unless given. */
  readonly repository?: RepositoryId;
  /** The remote store, where it is open already; it stays open. */
  readonly remote?: Store;
  readonly run?: ThisRun;
}

/**
 * Brings every object that is needed (each oid once) into the remote store, from the local one or else from the
 * worktree, and keeps it claimed there, so that no cleanup removes it before Git publishes what needs it
 * (docs/cleanup.md, P1 to P5). Returns only when all of them are there; after a failure the next run continues with
 * what is left.
 * @throws OBJECT_MISSING, before any object is written, when an object is in no store and not in the worktree; LOCKED
 *   while a cleanup removes what is needed; and what stores throw
 */
export async function upload<T extends Wanted>(context: Context, needs: readonly T[], options: UploadOptions = {}): Promise<Uploaded<T>> {
  if (needs.length === 0) return { uploaded: [], bytes: 0, storedBytes: 0, present: 0 };
  const local = await localStore(context);
  const remote = options.remote ?? (await openRemoteStore(context));
  try {
    const outcome = await uploadTo(context, { local, remote }, needs, options);
    if (options.dryRun !== true) await addToCache(context, local, outcome.uploaded);
    return outcome;
  } finally {
    if (remote !== options.remote) remote.close();
    local.close();
  }
}

/** {@link upload} between open stores. */
export async function uploadTo<T extends Wanted>(context: Context, { local, remote }: Stores, needs: readonly T[], options: UploadOptions): Promise<Uploaded<T>> {
  const { dryRun = false, repository = cloneItself(context.repository), run = thisRun() } = options;
  const { signal, report } = context;
  // What the objects here are differences from is sent or counted on as well; the store probably has the same chains.
  let here: Catalogue | undefined = await catalogueOf(local, needs.map(({ oid }) => oid), signal);
  const oids = new Set(here.keys());
  const claim = dryRun ? undefined : await claimed(remote, { repository, oids, run, signal });
  if (isBallastError(claim)) {
    if (!(await isSafeUnclaimed(context, remote, needs, oids))) throw claim;
    return { uploaded: [], bytes: 0, storedBytes: 0, present: needs.length };
  }
  const sent = new Map<Oid, T>();
  let storedBytes = 0;
  do {
    if (claim) await waitForSweeps(remote, oids, { claim, run, report, signal });
    const present = await findPresent(remote, needs.map(({ oid }) => oid), signal, oids);
    const lacking = needs.filter(({ oid }) => !present.has(oid));
    const { objects } = await planUpload(context, { local, remote }, lacking, here);
    // It is of use once: what is looked at again is to be seen as it is then.
    here = undefined;
    for (const need of lacking) sent.set(need.oid, need);
    storedBytes += totalBytes(objects);
    if (claim) await copyObjects(context, { op: "upload", from: local, to: remote }, objects, new Map(lacking.map((need) => [need.oid, need])));
  } while (claim && !(await claim.renew()));
  const uploaded = [...sent.values()];
  return { uploaded, bytes: totalBytes(uploaded), storedBytes, present: needs.length - uploaded.length };
}

/** @returns the claim, or why the store cannot be written */
async function claimed(remote: Store, options: ClaimOptions): Promise<Claim | BallastError> {
  try {
    return await Claim.make(remote, options);
  } catch (error) {
    if (isBallastError(error, "STORE_READ_ONLY", "STORE_DENIED")) return error;
    throw error;
  }
}

/**
 * Whether a push may pass that cannot write to the store: everything that it needs is there and about to stay. What it
 * publishes is mostly a branch of history that the remote repository has.
 */
async function isSafeUnclaimed({ settings, signal }: Context, remote: Store, needs: readonly Wanted[], oids: ReadonlySet<Oid>): Promise<boolean> {
  const present = await findPresent(remote, needs.map(({ oid }) => oid), signal, oids);
  return needs.every(({ oid }) => present.has(oid)) && !(await isDoomed(remote, oids, { concurrency: settings.concurrency, signal }));
}

/** @param here what the local store was just seen to have, if it was looked at */
async function planUpload(context: Context, { local, remote }: Stores, needs: readonly Wanted[], here: Catalogue | undefined): Promise<CopyPlan> {
  const plan = (from: Pick<Store, "find"> = local): Promise<CopyPlan> => planCopy(from, remote, needs.map(({ oid }) => oid), { signal: context.signal });
  const first = await plan(here && { find: (oids) => Promise.resolve(selected(here, oids)) });
  if (first.unavailable.length === 0) return first;
  const lost = new Set(first.lost);
  await salvage(context, local, needs.filter(({ oid }) => lost.has(oid)));
  let second = await plan();
  if (second.unavailable.length > 0) {
    // The base of a needed object is some older version, perhaps at another path.
    const places = await placesOf(context.repository, new Set(second.lost), context.signal);
    if ((await salvage(context, local, places)).size > 0) second = await plan();
  }
  const unavailable = new Set(second.unavailable);
  if (unavailable.size > 0) throw nowhere(needs.filter(({ oid }) => unavailable.has(oid)), remote);
  return second;
}

function selected(catalogue: Catalogue, oids: Iterable<Oid>): Map<Oid, StoredObject[]> {
  const found = new Map<Oid, StoredObject[]>();
  for (const oid of oids) {
    const objects = catalogue.get(oid);
    if (objects !== undefined && objects.length > 0) found.set(oid, [...objects]);
  }
  return found;
}

const SHOWN = 5;

function nowhere(missing: readonly Wanted[], remote: Store): BallastError {
  const hint =
    "on a machine that has the content: git ballast fetch --all, then git ballast push --all; or put that version of the file back at its path and push again";
  const [first] = missing;
  if (missing.length === 1) {
    return new BallastError("OBJECT_MISSING", `cannot push ${describe(first!)}: it is neither in the local store nor in ${remote.url}`, { hint });
  }
  const lines = missing.slice(0, SHOWN).map((need) => `\n  ${describe(need)}`);
  if (missing.length > SHOWN) lines.push(`\n  and ${missing.length - SHOWN} more`);
  return new BallastError("OBJECT_MISSING", `cannot push: ${missing.length} objects are neither in the local store nor in ${remote.url}${lines.join("")}`, { hint });
}

function describe({ path, commit, oid }: Wanted): string {
  return `${path}${commit === undefined ? "" : ` of commit ${commit.slice(0, 12)}`}, object ${oid}`;
}

function totalBytes(items: readonly { readonly sizeBytes: number }[]): number {
  return items.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
}
