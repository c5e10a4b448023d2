import type { Context } from "../context.ts";
import { isBallastError } from "../errors.ts";
import { Claim } from "../gc/claim.ts";
import { waitForSweeps } from "../gc/sweeps.ts";
import { thisRun } from "../gc/this-run.ts";
import { cloneItself } from "../git/identity.ts";
import { isUnreadable } from "../object/check.ts";
import type { Oid } from "../object/oid.ts";
import type { Store, StoredObject } from "../store/port.ts";
import { copyObjects } from "../transfer/copy-objects.ts";
import { planCopy } from "../transfer/plan-copy.ts";
import { placesOf, salvage } from "../transfer/salvage.ts";
import type { Wanted } from "../transfer/wanted.ts";
import type { Repair } from "./finding.ts";
import type { Inspection, Stores } from "./inspect.ts";
import type { Needed } from "./needs.ts";

/**
 * Brings into each store what it lacks: from the other store, or from the worktree by way of the local one. What is
 * copied is verified on its way, so nothing damaged spreads. What cannot be had stays lacking.
 * @throws DISK_FULL, what the stores throw
 */
export async function mend(context: Context, { local, remote }: Stores, inspection: Inspection): Promise<Repair[]> {
  const done: Repair[] = [];
  for (const where of ["local", "remote"] as const) {
    const to = where === "local" ? local : remote;
    const wanted = lackedIn(where, inspection);
    if (to === undefined || wanted.length === 0) continue;
    const from = where === "local" ? remote : local;
    done.push(...(await salvaged(context, { local, remote }, wanted)));
    if (from === undefined) continue;
    if (where === "remote") await claim(context, to, wanted);
    for (const { key } of await bring(context, { from, to, op: where === "remote" ? "upload" : "download" }, wanted)) done.push({ store: where, what: "restored", key, where: where === "remote" ? "local" : "remote" });
  }
  return done;
}

/** What findings say that a store needs: the content itself, and what an object of it stands on. */
function lackedIn(where: "local" | "remote", { findings, facts }: Inspection): Wanted[] {
  const oids = new Set<Oid>();
  const { survey } = facts[where] ?? { survey: { objects: [] } };
  const bases = new Map(survey.objects.map(({ key, name }) => [key, name.base]));
  for (const { kind, store, oid, key } of findings) {
    if (oid === undefined || (store !== where && store !== "both")) continue;
    const base = kind === "chain" && key !== undefined ? bases.get(key) : undefined;
    if (base !== undefined) oids.add(base);
    else if (kind !== "unknown" && kind !== "misplaced") oids.add(oid);
  }
  const needed = (oid: Oid): Needed | undefined => facts.needs.byOid.get(oid);
  // What is not pushed yet need not be in the remote store.
  const due = [...oids].filter((oid) => where === "local" || needed(oid)?.published !== false);
  return due.map((oid) => ({ oid, sizeBytes: needed(oid)?.sizeBytes ?? NaN, path: needed(oid)?.places[0]?.path ?? "" }));
}

/** Puts into the local store what no store has and the worktree does. */
async function salvaged(context: Context, { local, remote }: Stores, wanted: readonly Wanted[]): Promise<Repair[]> {
  const { lost } = await planCopy(remote ?? local, local, wanted.map(({ oid }) => oid), { signal: context.signal });
  if (lost.length === 0) return [];
  const saved = await salvage(context, local, await placesOf(context.repository, new Set(lost), context.signal));
  return [...saved].map((oid) => ({ store: "local", what: "restored", key: oid, where: "worktree" }));
}

/** As a push does: no cleanup removes meanwhile what this counts on. */
async function claim({ repository, report, signal }: Context, remote: Store, wanted: readonly Wanted[]): Promise<void> {
  const run = thisRun();
  const oids = new Set(wanted.map(({ oid }) => oid));
  const made = await Claim.make(remote, { repository: cloneItself(repository), oids, run, signal });
  await waitForSweeps(remote, oids, { claim: made, run, report, signal });
}

/** How often it is planned anew without what turned out to be damaged. */
const ROUNDS = 4;

async function bring(context: Context, { from, to, op }: { from: Store; to: Store; op: "upload" | "download" }, wanted: readonly Wanted[]): Promise<StoredObject[]> {
  const byOid = new Map(wanted.filter(({ sizeBytes }) => !Number.isNaN(sizeBytes)).map((want) => [want.oid, want]));
  const refused = new Set<string>();
  const brought: StoredObject[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const { objects } = await planCopy(from, to, wanted.map(({ oid }) => oid), { signal: context.signal, refused });
    const before = refused.size;
    await copyObjects(context, { op, from, to }, objects, byOid, (error, { key }) => {
      if (isUnreadable(error)) context.report({ kind: "warning", message: error.message });
      else if (!isBallastError(error, "OBJECT_ARCHIVED", "OBJECT_CORRUPT", "ENCODING_UNKNOWN", "OBJECT_MISSING")) return false;
      refused.add(key);
      return true;
    });
    brought.push(...objects.filter(({ key }) => !refused.has(key)));
    if (refused.size === before) return brought;
  }
  return brought;
}
