import type { DeltaSettings } from "../config/settings.ts";
import { policyOf } from "../delta/plan.ts";
import type { Contents } from "./contents.ts";
import type { DeltaTools } from "./ingest-delta.ts";

/** The encoder, which is loaded now, with the rules that the settings make and the contents that are there: for one thread. */
export async function deltaTools(settings: DeltaSettings, contents: Contents): Promise<DeltaTools> {
  const [{ encodeDelta }, { estimateShared: estimate }] = await Promise.all([import("../delta/encode.ts"), import("../delta/estimate.ts")]);
  let last: Promise<unknown> = Promise.resolve();
  // One after the other: two at a time would take twice the memory, and no less time in one thread.
  const encode: DeltaTools["encode"] = (...args) => {
    const mine = last.then(() => encodeDelta(...args));
    last = mine.catch(() => {});
    return mine;
  };
  return { policy: policyOf(settings), open: (base) => contents.open(base), estimate, encode };
}
