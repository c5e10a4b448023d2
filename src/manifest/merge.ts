import type { Asset, Manifest } from "./manifest.ts";
import { sameAsset } from "./manifest.ts";

export interface ManifestMerge {
  readonly merged: Manifest;
  /** Assets that both sides changed, each in its own way; `merged` has ours. */
  readonly conflicts: { path: string; ours: Asset | undefined; theirs: Asset | undefined }[];
}

/** Merges three manifests asset by asset. Order of the inputs' lines does not matter. */
export function mergeManifests(base: Manifest, ours: Manifest, theirs: Manifest): ManifestMerge {
  const merged: Manifest = new Map();
  const conflicts: ManifestMerge["conflicts"] = [];
  for (const path of new Set([...ours.keys(), ...theirs.keys()])) {
    const [b, o, t] = [base.get(path), ours.get(path), theirs.get(path)];
    let result = o;
    if (sameAsset(o, b)) result = t;
    else if (!sameAsset(t, b) && !sameAsset(o, t)) conflicts.push({ path, ours: o, theirs: t });
    if (result) merged.set(path, result);
  }
  return { merged, conflicts };
}
