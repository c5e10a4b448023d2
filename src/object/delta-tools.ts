import type { DeltaSettings } from "../config/settings.ts";
import { policyOf } from "../delta/plan.ts";
import type { Contents } from "./contents.ts";
import type { DeltaTools } from "./ingest-delta.ts";

/** The encoder, which is loaded now, with the rules that the settings make and the contents that are there. */
export async function deltaTools(settings: DeltaSettings, contents: Contents): Promise<DeltaTools> {
  const [{ encodeDelta: encode }, { estimateShared: estimate }] = await Promise.all([import("../delta/encode.ts"), import("../delta/estimate.ts")]);
  return { policy: policyOf(settings), open: (base) => contents.open(base), estimate, encode };
}
