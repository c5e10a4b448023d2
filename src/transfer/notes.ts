import type { Settings } from "../config/settings.ts";

/** What to tell whoever pushed while the store is the embedded one; nothing for any other store. */
export function stillHere(settings: Settings): string[] {
  if (settings.storeUrl !== "embedded") return [];
  return [
    "the assets are still only on this machine: the store is inside this repository's Git directory, and a clone cannot reach it",
    "to move them to a store that others reach: git ballast store set s3://bucket/prefix",
  ];
}
