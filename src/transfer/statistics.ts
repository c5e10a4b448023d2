import { posix } from "node:path";
import type { Encoding } from "../object/name.ts";
import type { Oid } from "../object/oid.ts";

/** One content that a path had in some commit. */
export interface Version {
  readonly path: string;
  readonly oid: Oid;
  readonly sizeBytes: number;
}

/** An object of a store. */
export interface Held {
  readonly encoding: Encoding;
  readonly sizeBytes: number;
}

/**
 * What some versions take. Always
 * `logicalBytes = storedBytes + saved.dedup + saved.gzip + saved.delta + absentBytes`.
 */
export interface Figures {
  /** Contents that the paths had, each counted once for each path. */
  readonly versions: number;
  /** Bytes of all these contents. */
  readonly logicalBytes: number;
  /** Bytes of the objects that hold them. */
  readonly storedBytes: number;
  readonly saved: {
    /** Bytes of contents that another version, counted elsewhere, has too. */
    readonly dedup: number;
    /** What contents stored by gzip take less than by themselves. */
    readonly gzip: number;
    /** The same for contents that are stored as deltas. */
    readonly delta: number;
  };
  /** Bytes of contents that the store does not hold. */
  readonly absentBytes: number;
}

export interface Line extends Figures {
  readonly name: string;
}

export interface Statistics {
  readonly total: Figures;
  /** By extension with its dot, in lower case; empty for none. What takes most comes first. */
  readonly extensions: readonly Line[];
  /** What takes most comes first. */
  readonly paths: readonly Line[];
}

/**
 * Adds up what versions take in a store. A content that several versions have is counted for the first of them.
 * @param versions the oldest first; a path that had a content more than once counts once
 * @param held the objects of each oid; where there are several, all of them take place
 */
export function statisticsOf(versions: Iterable<Version>, held: ReadonlyMap<Oid, readonly Held[]>): Statistics {
  const total = new Sum();
  const extensions = new Map<string, Sum>();
  const paths = new Map<string, Sum>();
  const counted = new Set<Oid>();
  const seen = new Set<string>();
  for (const { path, oid, sizeBytes } of versions) {
    const key = `${oid}${path}`;
    if (seen.has(key)) continue;
    seen.add(key);
    const part = counted.has(oid) ? again(sizeBytes) : first(sizeBytes, held.get(oid) ?? []);
    counted.add(oid);
    for (const sum of [total, sumIn(extensions, posix.extname(path).toLowerCase()), sumIn(paths, path)]) sum.add(part);
  }
  return { total: total.figures(), extensions: linesOf(extensions), paths: linesOf(paths) };
}

/** What one version adds. */
type Part = { readonly logical: number } & { readonly [what in "stored" | "dedup" | "gzip" | "delta" | "absent"]?: number };

function again(sizeBytes: number): Part {
  return { logical: sizeBytes, dedup: sizeBytes };
}

/** The smallest of several objects says what saved; the others cost. */
function first(sizeBytes: number, objects: readonly Held[]): Part {
  const [smallest] = objects.toSorted((a, b) => a.sizeBytes - b.sizeBytes);
  if (smallest === undefined) return { logical: sizeBytes, absent: sizeBytes };
  const stored = objects.reduce((sum, object) => sum + object.sizeBytes, 0);
  const saved = smallest.encoding.startsWith("delta") ? "delta" : "gzip";
  return { logical: sizeBytes, stored, [saved]: sizeBytes - stored };
}

class Sum {
  versions = 0;
  readonly #bytes = { logical: 0, stored: 0, dedup: 0, gzip: 0, delta: 0, absent: 0 };

  add(part: Part): void {
    this.versions += 1;
    for (const what of Object.keys(part) as (keyof Part)[]) this.#bytes[what] += part[what] ?? 0;
  }

  figures(): Figures {
    const { logical, stored, dedup, gzip, delta, absent } = this.#bytes;
    return { versions: this.versions, logicalBytes: logical, storedBytes: stored, saved: { dedup, gzip, delta }, absentBytes: absent };
  }
}

function sumIn(sums: Map<string, Sum>, name: string): Sum {
  let sum = sums.get(name);
  if (!sum) sums.set(name, (sum = new Sum()));
  return sum;
}

function linesOf(sums: ReadonlyMap<string, Sum>): Line[] {
  const lines = [...sums].map(([name, sum]) => ({ name, ...sum.figures() }));
  return lines.sort((a, b) => b.storedBytes - a.storedBytes || b.logicalBytes - a.logicalBytes || (a.name < b.name ? -1 : 1));
}
