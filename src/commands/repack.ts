import { join } from "node:path";
import type { Context } from "../context.ts";
import { policyOf } from "../delta/plan.ts";
import { BallastError } from "../errors.ts";
import { thisRun } from "../gc/this-run.ts";
import { cloneItself } from "../git/identity.ts";
import { sharedState } from "../git/repository.ts";
import { openRemoteStore } from "../store/open.ts";
import type { Store } from "../store/port.ts";
import { localStore } from "../transfer/local.ts";
import type { Repacked } from "../transfer/repack/repack.ts";
import { rewrite } from "../transfer/repack/rewrite.ts";
import { removeDead, scratchName } from "../transfer/repack/scratch.ts";
import { Settled } from "../transfer/repack/settled.ts";
import { versionsOf, type Version } from "../transfer/repack/versions.ts";
import { Workshop } from "../transfer/repack/workshop.ts";
import { isAlive } from "../util/process-name.ts";
import { selector, tracking } from "../worktree/tracking.ts";

export interface RepackOptions {
  /** Assets, directories and patterns whose versions are rewritten; default: all. */
  readonly paths: readonly string[];
  readonly where: "remote" | "local";
  /** Does the work of encoding and writes nothing. */
  readonly dryRun: boolean;
}

export interface RepackResult extends Repacked {
  /** The store that was rewritten. */
  readonly store: string;
}

/**
 * Rewrites the objects of a store as the present settings would have them (docs/repack.md). Safe to interrupt and to
 * repeat, beside pushes, clones and fetches.
 * @throws USAGE when no version has such a path; LOCKED while another run removes objects; what stores throw
 */
export async function repack(context: Context, { paths, where, dryRun }: RepackOptions): Promise<RepackResult> {
  const { repository, cwd, signal } = context;
  const select = paths.length === 0 ? () => true : selector(repository, cwd, paths);
  const versions = await versionsOf(repository, select, signal);
  if (versions.length === 0 && paths.length > 0) throw new BallastError("USAGE", `no version of any asset matches ${paths.join(" ")}`, { hint: "git ballast ls shows the assets" });
  const local = await localStore(context);
  const store = where === "local" ? local : await openRemoteStore(context);
  try {
    return { store: where === "local" ? "local" : store.url, ...(await rewritten(context, store, versions, dryRun)) };
  } finally {
    store.close();
  }
}

async function rewritten(context: Context, store: Store, versions: readonly Version[], dryRun: boolean): Promise<Repacked> {
  const { repository, settings, report, signal } = context;
  const { compression, delta, concurrency } = settings;
  const local = await localStore(context);
  const scratches = sharedState(repository, "scratch");
  removeDead(scratches, isAlive);
  const excluded = tracking(delta.exclude).matches;
  const policy = policyOf(delta);
  const mayDelta = (path: string): boolean => delta.mode === "auto" && !excluded(path);
  const run = thisRun();
  const openWorkshop = (): Promise<Workshop> => {
    const scratchRoot = join(scratches, scratchName(run.process.pid, run.newId()));
    return Workshop.open(store, local, versions.map(({ oid }) => oid), { compression, policy, signal, scratchRoot });
  };
  const settled = new Settled(sharedState(repository, "settled"), { compression, policy });
  try {
    return await rewrite(store, versions, { rules: { compression, policy, mayDelta }, repository: cloneItself(repository), openWorkshop, settled, dryRun, run, concurrency, report, signal });
  } finally {
    settled.save();
  }
}
