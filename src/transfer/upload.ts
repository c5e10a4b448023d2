import type { Context } from "../context.ts";
import { BallastError } from "../errors.ts";
import { copyObject } from "../object/copy.ts";
import type { Oid } from "../object/oid.ts";
import { openLocalStore, openRemoteStore } from "../store/open.ts";
import type { Store } from "../store/port.ts";
import { forEachParallel } from "../util/pool.ts";
import { planCopy, type CopyPlan } from "./plan-copy.ts";
import { findPresent } from "./presence.ts";
import { salvage } from "./salvage.ts";
import type { Wanted } from "./wanted.ts";

export interface Uploaded<T extends Wanted> {
  /** What was copied, or would be. */
  readonly uploaded: readonly T[];
  /** Logical bytes of these, and what they take in the store (with the bases they need). */
  readonly bytes: number;
  readonly storedBytes: number;
  /** Objects that the store had already. */
  readonly present: number;
}

/**
 * Brings every object that is needed into the remote store, from the local one or else from the worktree. Returns only
 * when all of them are there; after a failure the next run continues with what is left.
 * @throws OBJECT_MISSING, before anything is written, when an object is in no store and not in the worktree; and what
 *   stores throw
 */
export async function upload<T extends Wanted>(context: Context, needs: readonly T[], options: { dryRun?: boolean } = {}): Promise<Uploaded<T>> {
  if (needs.length === 0) return { uploaded: [], bytes: 0, storedBytes: 0, present: 0 };
  const remote = await openRemoteStore(context);
  const local = openLocalStore(context.repository);
  try {
    const present = await findPresent(remote, needs.map(({ oid }) => oid), context.signal);
    const uploaded = needs.filter(({ oid }) => !present.has(oid));
    const { steps } = await planUpload(context, { local, remote }, uploaded);
    const objects = steps.flat();
    if (!options.dryRun && objects.length > 0) await copyAll(context, { local, remote }, steps, uploaded);
    return { uploaded, bytes: sum(uploaded.map(({ sizeBytes }) => sizeBytes)), storedBytes: sum(objects.map(({ sizeBytes }) => sizeBytes)), present: present.size };
  } finally {
    remote.close();
    local.close();
  }
}

interface Stores {
  readonly local: Store;
  readonly remote: Store;
}

async function planUpload(context: Context, { local, remote }: Stores, needs: readonly Wanted[]): Promise<CopyPlan> {
  const plan = (): Promise<CopyPlan> =>
    planCopy(local, needs.map(({ oid }) => oid), (oids) => findPresent(remote, oids, context.signal), context.signal);
  const first = await plan();
  if (first.unavailable.length === 0) return first;
  const lacking = new Set(first.unavailable);
  const salvaged = await salvage(context, local, needs.filter(({ oid }) => lacking.has(oid)));
  const missing = needs.filter(({ oid }) => lacking.has(oid) && !salvaged.has(oid));
  if (missing.length > 0) throw nowhere(missing, remote);
  return plan();
}

async function copyAll({ report, signal, settings }: Context, { local, remote }: Stores, steps: CopyPlan["steps"], needs: readonly Wanted[]): Promise<void> {
  const byOid = new Map<Oid, Wanted>(needs.map((need) => [need.oid, need]));
  const total = sum(needs.map(({ sizeBytes }) => sizeBytes));
  report({ kind: "start", op: "upload", totalFiles: steps.flat().length, totalBytes: total });
  let ok = false;
  try {
    for (const step of steps) {
      await forEachParallel(
        step,
        settings.concurrency,
        async (object, siblings) => {
          await copyObject(local, remote, object, { report, signal: siblings });
          const need = byOid.get(object.name.oid);
          report({ kind: "file", op: "upload", path: need?.path ?? "", oid: object.name.oid, bytes: need?.sizeBytes ?? 0, storedBytes: object.sizeBytes, how: "done" });
        },
        signal,
      );
    }
    ok = true;
  } finally {
    report({ kind: "end", op: "upload", ok });
  }
}

const SHOWN = 5;

function nowhere(missing: readonly Wanted[], remote: Store): BallastError {
  const hint = "push from a machine that has it (git ballast fetch --all there shows whether it does), or put that version of the file back at its path, then push again";
  const [first] = missing;
  if (missing.length === 1) return new BallastError("OBJECT_MISSING", `cannot push ${describe(first!)}: it is neither in the local store nor in ${remote.url}`, { hint });
  const lines = missing.slice(0, SHOWN).map((need) => `\n  ${describe(need)}`);
  if (missing.length > SHOWN) lines.push(`\n  and ${missing.length - SHOWN} more`);
  return new BallastError("OBJECT_MISSING", `cannot push: ${missing.length} objects are neither in the local store nor in ${remote.url}:${lines.join("")}`, { hint });
}

function describe({ path, commit, oid }: Wanted): string {
  return `${path}${commit === undefined ? "" : ` of commit ${commit.slice(0, 12)}`}, object ${oid}`;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((a, b) => a + b, 0);
}
