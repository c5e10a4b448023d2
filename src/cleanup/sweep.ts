import type { Context } from "../context.ts";
import { fenced } from "../gc/fence.ts";
import { contentsOf } from "../gc/pending.ts";
import { settle } from "../gc/settle.ts";
import { announce } from "../gc/sweeps.ts";
import type { ThisRun } from "../gc/this-run.ts";
import type { Oid } from "../object/oid.ts";
import type { Store } from "../store/port.ts";
import { takeRemoval } from "../transfer/removal.ts";
import { thisProcess } from "../transfer/this-process.ts";
import type { Knowledge } from "./knowledge.ts";
import { planCleanup, type CleanupPlan, type Dead, type Limits } from "./plan.ts";
import { survey, type Survey } from "./survey.ts";

export interface Swept {
  readonly removed: readonly Dead[];
  /** What was found while nothing else could be removed, and what that left to do. */
  readonly survey: Survey;
  readonly plan: CleanupPlan;
}

/**
 * Removes what a plan says, as far as it is still dead once that was announced (docs/cleanup.md, C1 to C5). Nobody else
 * removes or re-encodes objects meanwhile.
 * @throws LOCKED while another run removes objects, or when this one takes too long; what {@link survey} throws
 */
export async function sweep(context: Pick<Context, "settings" | "report" | "signal">, store: Store, planned: CleanupPlan, limits: Limits & { knowledge: Knowledge; run: ThisRun }): Promise<Swept> {
  const { settings, report, signal } = context;
  const { knowledge, run, now } = limits;
  const only = new Set(planned.waves.flat().map(({ oid }) => oid));
  const sweeping = await announce(store, only, { all: now, run, signal });
  const asked = new Set<Oid>();
  let unanswered: Oid[] = [];
  try {
    const removal = await takeRemoval(fenced(store, sweeping), { ...thisProcess("cleanup"), nowMs: run.nowMs, steadyMs: run.steadyMs, concurrency: settings.concurrency, signal });
    try {
      await settle(store, { run, report, signal });
      const found = await survey(context, store, { knowledge, run });
      const plan = planCleanup(found, { ...limits, only });
      const removed: Dead[] = [];
      for (const wave of plan.waves) {
        for (const { oid } of wave) asked.add(oid);
        await removal.remove(wave.flatMap(({ objects }) => objects.map(({ key }) => key)));
        removed.push(...wave);
      }
      await settle(store, { run, report, signal });
      return { removed, survey: found, plan };
    } finally {
      unanswered = [...contentsOf(removal.pending)].filter((oid) => asked.has(oid));
      await removal.release();
    }
  } finally {
    await sweeping.end(unanswered);
  }
}
