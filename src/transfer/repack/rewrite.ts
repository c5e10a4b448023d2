import type { Report } from "../../events.ts";
import { Claim } from "../../gc/claim.ts";
import { waitForSweeps } from "../../gc/sweeps.ts";
import type { ThisRun } from "../../gc/this-run.ts";
import type { RepositoryId } from "../../git/identity.ts";
import type { Store } from "../../store/port.ts";
import { takeRemoval } from "../removal.ts";
import { thisProcess } from "../this-process.ts";
import type { Rules } from "./judge.ts";
import { repack, type Repacked } from "./repack.ts";
import { Replacements } from "./replacements.ts";
import type { Settled } from "./settled.ts";
import type { Version } from "./versions.ts";
import type { Workshop } from "./workshop.ts";

export interface RewriteOptions {
  readonly rules: Rules;
  /** In whose name the versions are claimed. */
  readonly repository: RepositoryId;
  readonly openWorkshop: () => Promise<Workshop>;
  /** What earlier runs have found to stay; default: nothing is known. */
  readonly settled?: Settled;
  /** Does the work of encoding and writes nothing. */
  readonly dryRun: boolean;
  readonly run: ThisRun;
  readonly concurrency: number;
  readonly report: Report;
  readonly signal: AbortSignal;
}

/**
 * Repacks versions in a store that others use (docs/repack.md): with what it looks at claimed, and with the right to
 * remove objects, so that neither a cleanup nor another repack comes between.
 * @throws LOCKED while another run removes objects; what the store throws
 */
export async function rewrite(store: Store, versions: readonly Version[], options: RewriteOptions): Promise<Repacked> {
  const { rules, openWorkshop, settled, repository, dryRun, run, concurrency, report, signal } = options;
  const oids = new Set(versions.map(({ oid }) => oid));
  // As a push does: no cleanup removes what becomes a base meanwhile.
  if (!dryRun) {
    const claim = await Claim.make(store, { repository, oids, run, signal });
    await waitForSweeps(store, oids, { claim, run, report, signal });
  }
  const removal = dryRun ? undefined : await takeRemoval(store, { ...thisProcess("repack"), nowMs: run.nowMs, steadyMs: run.steadyMs, concurrency, signal });
  try {
    const workshop = await openWorkshop();
    try {
      const replacements = removal && new Replacements(store, removal, signal);
      return await repack(store, versions, { workshop, replacements, settled, ...rules, concurrency, report, signal });
    } finally {
      workshop.close();
    }
  } finally {
    await removal?.release();
  }
}
