import type { Context } from "../context.ts";
import { BallastError } from "../errors.ts";
import type { DirectoryStore } from "../store/directory.ts";
import { openRemoteStore } from "../store/open.ts";
import type { Store } from "../store/port.ts";
import { catalogueOf } from "./chains.ts";
import { copyObjects } from "./copy-objects.ts";
import { localStore } from "./local.ts";
import { planCopy, type CopyPlan } from "./plan-copy.ts";
import { findPresent } from "./presence.ts";
import { placesOf, salvage } from "./salvage.ts";
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

/**
 * Brings every object that is needed (each oid once) into the remote store, from the local one or else from the
 * worktree. Returns only when all of them are there; after a failure the next run continues with what is left.
 * @throws OBJECT_MISSING, before anything is written, when an object is in no store and not in the worktree; and what
 *   stores throw
 */
export async function upload<T extends Wanted>(context: Context, needs: readonly T[], options: { dryRun?: boolean } = {}): Promise<Uploaded<T>> {
  if (needs.length === 0) return { uploaded: [], bytes: 0, storedBytes: 0, present: 0 };
  const { signal } = context;
  const local = await localStore(context);
  const remote = await openRemoteStore(context);
  try {
    const oids = needs.map(({ oid }) => oid);
    // What the objects here need is asked for in the same breath: the store probably has the same chains.
    const probably = (await catalogueOf(local, oids, signal)).keys();
    const present = await findPresent(remote, oids, signal, probably);
    const uploaded = needs.filter(({ oid }) => !present.has(oid));
    const { objects } = await planUpload(context, { local, remote }, uploaded);
    if (!options.dryRun) {
      await copyObjects(context, { op: "upload", from: local, to: remote }, objects, new Map(uploaded.map((need) => [need.oid, need])));
    }
    return { uploaded, bytes: totalBytes(uploaded), storedBytes: totalBytes(objects), present: present.size };
  } finally {
    remote.close();
    local.close();
  }
}

async function planUpload(context: Context, { local, remote }: { local: DirectoryStore; remote: Store }, needs: readonly Wanted[]): Promise<CopyPlan> {
  const plan = (): Promise<CopyPlan> => planCopy(local, remote, needs.map(({ oid }) => oid), { signal: context.signal });
  const first = await plan();
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
