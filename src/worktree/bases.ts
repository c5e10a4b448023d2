/*
 * Which contents a file that is recorded may be stored against, told from paths and sizes alone:
 *
 *   an edited asset            the version that Git last knew there, and the one that the manifest names
 *   a new path                 contents whose path vanished, of the same extension or about the same size
 *   a new path                 the nearest assets of its directory and extension, in the order of paths
 *   many new paths of a kind   each other: the first of those that look alike is stored first
 *
 * src/delta/plan.ts decides what comes of these hints.
 */
import { posix } from "node:path";
import { comparePaths } from "../manifest/path.ts";
import type { BaseHint } from "../object/ingest-delta.ts";
import type { Oid } from "../object/oid.ts";

/** A file to be stored. */
export interface Newcomer {
  readonly path: string;
  readonly sizeBytes: number;
}

/** A content that is in a store already. */
export interface Known extends Newcomer {
  readonly oid: Oid;
}

export interface Surroundings {
  /** The contents that a path had, the last one first; none for a new path. */
  versionsOf(path: string): readonly Oid[];
  /** Contents whose path is gone. */
  readonly vanished: readonly Known[];
  /** The assets that there are. */
  readonly assets: readonly Known[];
}

export interface Bases {
  readonly hints: ReadonlyMap<string, readonly BaseHint[]>;
  /** New paths that may be alike, by path, at least two in a kin; a path is in one at most. */
  readonly kins: readonly (readonly Newcomer[])[];
}

/** Of files that are so much smaller or larger no delta is to be expected. */
const SIZE_FACTOR = 2;
/** Vanished contents that a new path is compared with. */
const MOST_VANISHED = 4;
/** Of another extension, only what is as large but for a tenth is taken for a renamed file. */
const CLOSE_FACTOR = 1.1;
/** Assets before a path, and behind it, that are looked at for one of about its size. */
const NEAR_PATHS = 16;
/** New files that are compared with each other; of more in one directory, each so many by themselves. */
const MOST_KIN = 64;

/** Looks for bases. The answer depends on nothing but the arguments, and not on their order. */
export function findBases(files: readonly Newcomer[], { versionsOf, vanished, assets }: Surroundings): Bases {
  const hints = new Map<string, BaseHint[]>();
  const fresh: Newcomer[] = [];
  for (const file of files) {
    const versions = versionsOf(file.path);
    if (versions.length > 0) hints.set(file.path, [...new Set(versions)].map((oid) => ({ oid, why: "version" })));
    else fresh.push(file);
  }
  fresh.sort(byPath);
  const assetsByKind = fresh.length === 0 ? new Map<string, Known[]>() : groupBy(assets.toSorted(byPath), kindOf);
  const gonePaths = new Vanished(vanished);
  const single: Newcomer[] = [];
  for (const file of fresh) {
    const gone = gonePaths.like(file);
    const near = neighbours(file, assetsByKind.get(kindOf(file)) ?? []);
    if (gone.length === 0) single.push(file);
    hints.set(file.path, [...gone.map(({ oid }) => ({ oid, why: "renamed" as const })), ...near.map(({ oid }) => ({ oid, why: "similar" as const }))]);
  }
  return { hints, kins: [...groupBy(single, kindOf).values()].flatMap(kinsOf) };
}

/** Kin that are less alike than this do not make a delta that is worth keeping. From 0 to 1, as `similarity` tells it. */
const MIN_SIMILARITY = 0.2;

/**
 * Of some kin, whom each may stand on: the most similar of those before it that stand on nobody. Whoever is like none
 * of them stands on nobody. @returns paths by path
 */
export function leadersOf(kin: readonly Newcomer[], similarity: (a: Newcomer, b: Newcomer) => number): Map<string, string> {
  const leaders: Newcomer[] = [];
  const followed = new Map<string, string>();
  for (const file of kin) {
    let best: { leader: Newcomer; similarity: number } | undefined;
    for (const leader of leaders) {
      const found = similarity(leader, file);
      if (found >= MIN_SIMILARITY && found > (best?.similarity ?? 0)) best = { leader, similarity: found };
    }
    if (best) followed.set(file.path, best.leader.path);
    else leaders.push(file);
  }
  return followed;
}

/** The directory and the extension: what is about the same thing. */
function kindOf({ path }: Newcomer): string {
  return `${posix.dirname(path)}/*${posix.extname(path).toLowerCase()}`;
}

/** Contents whose path is gone, by name, extension and size. */
class Vanished {
  readonly #byName: ReadonlyMap<string, readonly Known[]>;
  readonly #bySize: readonly Known[];
  readonly #byExtension: ReadonlyMap<string, readonly Known[]>;

  constructor(vanished: readonly Known[]) {
    this.#bySize = vanished.toSorted((a, b) => a.sizeBytes - b.sizeBytes || byPath(a, b));
    this.#byExtension = groupBy(this.#bySize, extensionOf);
    this.#byName = groupBy(this.#bySize, ({ path }) => posix.basename(path));
  }

  /**
   * What has the file's very name, if it is one alone; else those of the same extension that come near in size; else
   * those of just about the same size. The nearest first.
   */
  like(file: Newcomer): Known[] {
    const moved = nearestInSize(file, this.#byName.get(posix.basename(file.path)) ?? [], SIZE_FACTOR);
    if (moved.length === 1) return moved;
    const same = nearestInSize(file, this.#byExtension.get(extensionOf(file)) ?? [], SIZE_FACTOR);
    return same.length > 0 ? same : nearestInSize(file, this.#bySize, CLOSE_FACTOR);
  }
}

/** @param known by size */
function nearestInSize(file: Newcomer, known: readonly Known[], factor: number): Known[] {
  const at = lowerBound(known, (other) => other.sizeBytes >= file.sizeBytes);
  return known
    .slice(Math.max(0, at - MOST_VANISHED), at + MOST_VANISHED)
    .filter((other) => distance(file, other) <= factor)
    .sort((a, b) => distance(file, a) - distance(file, b) || byPath(a, b))
    .slice(0, MOST_VANISHED);
}

/** The nearest assets before and after a path that are about as large. @param assets by path */
function neighbours(file: Newcomer, assets: readonly Known[]): Known[] {
  const at = lowerBound(assets, (asset) => byPath(asset, file) >= 0);
  const alike = (asset: Known): boolean => distance(file, asset) <= SIZE_FACTOR;
  const before = assets.slice(Math.max(0, at - NEAR_PATHS), at).findLast(alike);
  const after = assets.slice(at, at + NEAR_PATHS).find(alike);
  return [before, after].filter((asset) => asset !== undefined);
}

/** The first index from which on `holds` does. */
function lowerBound<T>(items: readonly T[], holds: (item: T) => boolean): number {
  let [low, high] = [0, items.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (holds(items[middle]!)) high = middle;
    else low = middle + 1;
  }
  return low;
}

function kinsOf(files: readonly Newcomer[]): Newcomer[][] {
  const kins: Newcomer[][] = [];
  let open: Newcomer[][] = [];
  for (const file of files) {
    const kin = open.find(([first]) => distance(first!, file) <= SIZE_FACTOR);
    if (kin) kin.push(file);
    else {
      kins.push([file]);
      open.push(kins.at(-1)!);
    }
    if (kin?.length === MOST_KIN) open = open.filter((other) => other !== kin);
  }
  return kins.filter(({ length }) => length > 1);
}

function extensionOf({ path }: Newcomer): string {
  return posix.extname(path).toLowerCase();
}

/** How many times the one is as large as the other. */
function distance(a: Newcomer, b: Newcomer): number {
  return Math.max(a.sizeBytes, b.sizeBytes, 1) / Math.max(1, Math.min(a.sizeBytes, b.sizeBytes));
}

function byPath(a: Newcomer, b: Newcomer): number {
  return comparePaths(a.path, b.path);
}

function groupBy<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const group = groups.get(keyOf(item));
    if (group) group.push(item);
    else groups.set(keyOf(item), [item]);
  }
  return groups;
}
