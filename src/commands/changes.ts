import type { Asset, Manifest } from "../manifest/manifest.ts";
import { sameAsset } from "../manifest/manifest.ts";
import { comparePaths } from "../manifest/path.ts";

/** One asset's difference between two manifests. */
export interface Change {
  readonly kind: "new" | "modified" | "deleted" | "renamed";
  readonly path: string;
  /** The former path of a renamed asset. */
  readonly from?: string;
  readonly oid?: string;
  readonly sizeBytes?: number;
  readonly oldSizeBytes?: number;
}

/** What leads from one manifest to the other, by path; a deleted and a new asset of one content are a rename. */
export function changesBetween(old: Manifest, now: Manifest): Change[] {
  const gone = new Map<string, Asset[]>();
  for (const asset of old.values()) {
    if (now.has(asset.path)) continue;
    gone.set(asset.oid, [...(gone.get(asset.oid) ?? []), asset]);
  }
  const changes: Change[] = [];
  for (const asset of now.values()) {
    const before = old.get(asset.path);
    if (sameAsset(before, asset)) continue;
    const { path, oid, sizeBytes } = asset;
    const from = before === undefined ? gone.get(oid)?.pop() : undefined;
    if (from) changes.push({ kind: "renamed", path, from: from.path, oid, sizeBytes });
    else if (before) changes.push({ kind: "modified", path, oid, sizeBytes, oldSizeBytes: before.sizeBytes });
    else changes.push({ kind: "new", path, oid, sizeBytes });
  }
  for (const assets of gone.values()) {
    for (const { path, oid, sizeBytes } of assets) changes.push({ kind: "deleted", path, oid, oldSizeBytes: sizeBytes });
  }
  return changes.sort((a, b) => comparePaths(a.path, b.path));
}
