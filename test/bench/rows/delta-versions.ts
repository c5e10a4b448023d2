import { readFileSync } from "node:fs";
import { gzipWhole } from "../../../src/object/gzip.ts";
import type { Edition } from "../histories.ts";
import type { Sample } from "../sample.ts";

/** The variants that goals compare. */
export const CODEC = "Ballast, codec alone";
export const PRODUCT = "Ballast, repository";
export const XDELTA3 = "xdelta3 -9, gzipped, against previous";

/** A version, and what gzip -6 makes of it: what tools store that have no base for it. */
export interface Version extends Edition {
  readonly gzipBytes: number;
}

/** Compresses a version once, to know how long that is. */
export function withGzip(edition: Edition): Version {
  return { ...edition, gzipBytes: gzipWhole(readFileSync(edition.path), { engine: "zlib", level: 6 }).length };
}

/** Notes what a version takes. */
export function note(sample: Sample, { version }: Version, bytes: number, more: Record<string, string | number> = {}): void {
  sample.add("stored", bytes);
  sample.item(version, { stored: bytes, ...more });
}

/** @throws Error unless what was printed begins with the version's SHA-256 */
export function requireSame({ version, oid }: Edition, printed: string): void {
  if (!printed.startsWith(oid)) throw new Error(`version ${version} was decoded to ${printed.trim() || "nothing"}, not ${oid}`);
}
