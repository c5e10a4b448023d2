import type { Context } from "../context.ts";
import type { Oid } from "../object/oid.ts";
import { isDirectoryStore, type DirectoryStore } from "../store/directory.ts";
import type { Store } from "../store/port.ts";
import { planCopy } from "../transfer/plan-copy.ts";
import { placesOf, salvage } from "../transfer/salvage.ts";
import type { Wanted } from "../transfer/wanted.ts";
import { bring, type Brought } from "./bring.ts";
import { Claimed } from "./claimed.ts";
import { FetchedContents } from "./fetched-contents.ts";
import type { Repair } from "./finding.ts";
import type { Inspection, Stores } from "./inspect.ts";
import type { Needed } from "./needs.ts";
import { ownSource, type Source } from "./source.ts";

/**
 * Brings into each store what it lacks: from the other store, from the worktree by way of the local one, or else from a
 * further store. What is copied is verified on its way, so nothing damaged spreads. What cannot be had stays lacking.
 * @throws DISK_FULL, what the stores throw
 */
export async function mend(context: Context, stores: Stores, inspection: Inspection): Promise<Repair[]> {
  const { local, remote, further = [] } = stores;
  const done: Repair[] = [];
  for (const where of ["local", "remote"] as const) {
    const to = stores[where];
    const wanted = lackedIn(where, inspection);
    if (to === undefined || wanted.length === 0) continue;
    done.push(...(await salvaged(context, { local, remote }, wanted)));
    const from = [...(where === "remote" ? [ownSource("local", local)] : remote ? [ownSource("remote", remote)] : []), ...further];
    if (from.length === 0) continue;
    const brought = await (where === "local" ? bring(context, { op: "download", from, to }, wanted) : upload(context, { local, from, to }, wanted));
    for (const { object: { key }, from: { where: source } } of brought) done.push({ store: where, what: "restored", key, where: source });
  }
  return done;
}

/** Into the remote store, where everything is claimed first. */
async function upload(context: Context, { local, from, to }: { local: DirectoryStore; from: readonly Source[]; to: Store }, wanted: readonly Wanted[]): Promise<Brought[]> {
  const claimed = new Claimed(context, to);
  await claimed.add(wanted.map(({ oid }) => oid));
  const way = { op: "upload", from, to, claim: claimed.add } as const;
  if (isDirectoryStore(to)) return bring(context, way, wanted);
  // What deltas are differences from may have to be fetched for verifying them.
  const contents = await FetchedContents.open(context, [local], [ownSource("remote", to), ...from]);
  try {
    return await bring(context, { ...way, openBase: contents.openContent }, wanted);
  } finally {
    contents.close();
  }
}

/** What findings say that a store needs: the content itself, and what an object of it stands on. */
function lackedIn(where: "local" | "remote", { findings, facts }: Inspection): Wanted[] {
  const oids = new Set<Oid>();
  const needed = (oid: Oid): Needed | undefined => facts.needs.byOid.get(oid);
  const { survey } = facts[where] ?? { survey: { objects: [] } };
  const bases = new Map(survey.objects.map(({ key, name }) => [key, name.base]));
  for (const { kind, store, oid, key } of findings) {
    if (oid === undefined || (store !== where && store !== "both")) continue;
    const base = kind === "chain" && key !== undefined ? bases.get(key) : undefined;
    if (base !== undefined) oids.add(base);
    // Where the base cannot be had, another encoding of what stands on it may.
    if (kind !== "unknown" && kind !== "misplaced" && (base === undefined || needed(oid))) oids.add(oid);
  }
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
