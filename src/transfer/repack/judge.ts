import type { Candidate, DeltaPolicy } from "../../delta/plan.ts";
import type { CompressionSettings } from "../../config/settings.ts";
import type { Oid } from "../../object/oid.ts";
import type { StoredObject } from "../../store/port.ts";
import type { Version } from "./versions.ts";

export interface Rules {
  readonly compression: CompressionSettings;
  readonly policy: DeltaPolicy;
  /** Whether the asset at this path may have deltas. */
  readonly mayDelta: (path: string) => boolean;
}

/**
 * The delta of a version that may stay, the smallest first: it keeps the bounds of the policy as far as sizes in a
 * listing tell. The full encoding is taken for as large as the smallest whole object, or as the content.
 * @param candidate what stands behind a base, or undefined for one that is out of the question
 */
export function acceptableDelta(version: Version, candidate: (base: Oid) => Candidate | undefined, objects: readonly StoredObject[], { policy, mayDelta }: Rules): StoredObject | undefined {
  if (!mayDelta(version.path)) return undefined;
  const fullBytes = Math.min(version.sizeBytes, ...objects.filter(({ name }) => name.base === undefined).map(({ sizeBytes }) => sizeBytes));
  const good = objects.flatMap((object) => {
    const { base } = object.name;
    const chain = base === undefined || object.archived ? undefined : candidate(base);
    if (chain === undefined) return [];
    const chainBytes = chain.chainBytes + object.sizeBytes;
    const fits = chain.depth + 1 <= policy.maxDepth && object.sizeBytes <= policy.maxRatio * fullBytes && chainBytes <= policy.maxChainRatio * fullBytes;
    return fits ? [{ object, chainBytes }] : [];
  });
  return good.sort((a, b) => a.object.sizeBytes - b.object.sizeBytes || a.chainBytes - b.chainBytes)[0]?.object;
}

/** The whole object that the compression settings would have made, as far as its name tells. */
export function acceptableWhole(objects: readonly StoredObject[], { mode }: CompressionSettings, shrinks: () => boolean): StoredObject | undefined {
  const whole = (encoding: "raw" | "gzip"): StoredObject | undefined => objects.find(({ name, archived }) => !archived && name.encoding === encoding);
  const [raw, gzip] = [whole("raw"), whole("gzip")];
  if (mode === "never") return raw;
  if (mode === "always") return gzip;
  // Of the two, what takes less; raw content is looked at once more, as when it was recorded.
  if (gzip) return raw && raw.sizeBytes <= gzip.sizeBytes ? raw : gzip;
  return raw && !shrinks() ? raw : undefined;
}
