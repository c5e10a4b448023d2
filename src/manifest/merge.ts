import type { Asset, Manifest } from "./manifest.ts";
import { sameAsset } from "./manifest.ts";
import { oidOf } from "../object/oid.ts";
import { comparePaths } from "./path.ts";
import { directoriesOf } from "./place.ts";

export interface ManifestMerge {
  readonly merged: Manifest;
  readonly conflicts: Conflict[];
}

/** An asset that both sides changed, each in its own way; what is merged has ours, and both names of what was renamed apart. */
export interface Conflict {
  readonly path: string;
  readonly ours: Asset | undefined;
  readonly theirs: Asset | undefined;
  readonly renamed?: RenamedApart;
  /** The asset of ours that takes the place: theirs needs a directory there, or is a file where ours needs one. */
  readonly against?: string;
}

/** One asset that both sides renamed, each to another name: a conflict for each of these. */
export interface RenamedApart {
  readonly from: string;
  readonly ours: string;
  readonly theirs: string;
}

/**
 * {@link mergeManifests} of manifests that are gone through once, side by side: what all three have is merged as it comes, and
 * nothing of it is kept but the result. The three may have a million assets each.
 * @param base as the others, its assets in the order of their paths
 * @returns `merged` in no order
 */
export function mergeSorted(base: Iterable<Asset>, ours: Iterable<Asset>, theirs: Iterable<Asset>): { merged: Asset[]; conflicts: Conflict[] } {
  const merged: Asset[] = [];
  const conflicts: Conflict[] = [];
  // What some do not have may have moved, which the order of paths does not tell.
  const rest = [new Map<string, Asset>(), new Map<string, Asset>(), new Map<string, Asset>()] as const;
  for (const [b, o, t] of sideBySide(base, ours, theirs)) {
    if (b && o && t) merged.push(mergeOne({ base: b, ours: o, theirs: t }, conflicts)!);
    else [b, o, t].forEach((asset, i) => asset && rest[i]!.set(asset.path, asset));
  }
  const inAll = merged.length;
  const others = mergeManifests(...rest, (path) => isIn(merged, inAll, path));
  if (others.conflicts.length > 0) {
    for (const conflict of others.conflicts) conflicts.push(conflict);
    // Those of one path in the order of ours, as they would be told by themselves.
    const isOurs = ({ ours, renamed }: Conflict): boolean => ours !== undefined && renamed === undefined;
    conflicts.sort((x, y) => (isOurs(x) && isOurs(y) ? comparePaths(x.path, y.path) : Number(isOurs(y)) - Number(isOurs(x))));
  }
  for (const asset of others.merged.values()) merged.push(asset);
  return { merged, conflicts };
}

/** The assets of one path, for each path that any has. */
function* sideBySide(...sides: readonly Iterable<Asset>[]): Generator<readonly (Asset | undefined)[]> {
  const all = sides.map((side) => side[Symbol.iterator]());
  const next = all.map((side) => side.next());
  for (;;) {
    let least: string | undefined;
    for (const { done, value } of next) if (!done && (least === undefined || comparePaths(value.path, least) < 0)) least = value.path;
    if (least === undefined) return;
    yield next.map(({ done, value }, i) => {
      if (done || value.path !== least) return undefined;
      next[i] = all[i]!.next();
      return value;
    });
  }
}

/** Whether one of the first `count` assets, which ascend, has this path. */
function isIn(assets: readonly Asset[], count: number, path: string): boolean {
  let [low, high] = [0, count];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (comparePaths(assets[middle]!.path, path) < 0) low = middle + 1;
    else high = middle;
  }
  return low < count && assets[low]!.path === path;
}

/**
 * Merges three manifests asset by asset, the content and the executable bit each by itself. An edit on one side goes to
 * where the other side moved the asset. Order of the inputs' lines does not matter.
 * @param inAll whether all three have, besides, an asset at a path
 */
export function mergeManifests(base: Manifest, ours: Manifest, theirs: Manifest, inAll: (path: string) => boolean = () => false): ManifestMerge {
  const [b, o, t] = [new Map(base), new Map(ours), new Map(theirs)];
  for (const [from, to] of movedUnderEdits(base, ours, theirs)) for (const side of [b, t]) move(side, from, to);
  for (const [from, to] of movedUnderEdits(base, theirs, ours)) for (const side of [b, o]) move(side, from, to);
  const merged = new Map<string, Asset>();
  const conflicts: ManifestMerge["conflicts"] = [];
  for (const path of new Set([...o.keys(), ...t.keys()])) {
    const result = mergeOne({ base: b.get(path), ours: o.get(path), theirs: t.get(path) }, conflicts);
    if (result) merged.set(path, result);
  }
  for (const { path, against } of crowded(o, t, merged, inAll)) {
    merged.delete(path);
    conflicts.push({ path, ours: undefined, theirs: t.get(path), against });
  }
  for (const renamed of renamedApart(base, ours, theirs)) {
    conflicts.push({ path: renamed.ours, ours: ours.get(renamed.ours), theirs: undefined, renamed });
    conflicts.push({ path: renamed.theirs, ours: undefined, theirs: theirs.get(renamed.theirs), renamed });
  }
  return { merged, conflicts };
}

/**
 * The manifest that stands for several merge bases, as Git makes one of them first (a criss-cross merge). Where these differ
 * it has a content that no side has: what either side made of it counts as a change, and if they differ, as a conflict.
 */
export function mergeBases(base: Iterable<Asset>, ours: Iterable<Asset>, theirs: Iterable<Asset>): Manifest {
  const { merged, conflicts } = mergeSorted(base, ours, theirs);
  const all = new Map(merged.map((asset) => [asset.path, asset]));
  for (const { path, ours, theirs } of conflicts) all.set(path, { path, oid: oidOf(Buffer.from(`${ours?.oid} or ${theirs?.oid}`)), sizeBytes: 0, exec: false });
  return all;
}

interface Sides {
  readonly base: Asset | undefined;
  readonly ours: Asset | undefined;
  readonly theirs: Asset | undefined;
}

/** The asset that comes of three; a conflict is added to `conflicts`. */
function mergeOne(sides: Sides, conflicts: Conflict[]): Asset | undefined {
  const result = mergeAsset(sides);
  if (result !== "conflict") return result;
  const { ours, theirs } = sides;
  conflicts.push({ path: (ours ?? theirs)!.path, ours, theirs });
  return ours;
}

function mergeAsset({ base, ours, theirs }: Sides): Asset | undefined | "conflict" {
  if (sameAsset(ours, base)) return theirs;
  if (sameAsset(theirs, base) || sameAsset(ours, theirs)) return ours;
  if (base === undefined || ours === undefined || theirs === undefined) return "conflict";
  const content = ours.oid === base.oid ? theirs : theirs.oid === base.oid || ours.oid === theirs.oid ? ours : undefined;
  if (content === undefined) return "conflict";
  // Of two values, if the sides differ, one has changed it.
  return { ...content, exec: ours.exec === theirs.exec ? ours.exec : !base.exec };
}

/** What `mover` has under another path with the same content, and `editor` has changed where it was. */
function movedUnderEdits(base: Manifest, mover: Manifest, editor: Manifest): [from: string, to: string][] {
  const edited = [...base.values()].filter(({ path }) => !mover.has(path) && editor.has(path) && !sameAsset(editor.get(path), base.get(path)));
  if (edited.length === 0) return [];
  const gone = byOid([...base.values()].filter(({ path }) => !mover.has(path)));
  const come = byOid([...mover.values()].filter(({ path }) => !base.has(path)));
  return edited.flatMap(({ path, oid }) => {
    const [to, more] = come.get(oid) ?? [];
    // Of several contents that are the same nobody can tell which went where.
    return to === undefined || more !== undefined || gone.get(oid)!.length > 1 || editor.has(to) ? [] : [[path, to]];
  });
}

/** What is gone on both sides, and has come again on each under another name. */
function renamedApart(base: Manifest, ours: Manifest, theirs: Manifest): RenamedApart[] {
  const gone = byOid([...base.values()].filter(({ path }) => !ours.has(path) && !theirs.has(path)));
  if (gone.size === 0) return [];
  const [came, cameThere] = [ours, theirs].map((side) => byOid([...side.values()].filter(({ path, oid }) => gone.has(oid) && !base.has(path)))) as [Map<string, string[]>, Map<string, string[]>];
  return [...gone].flatMap(([oid, [from, ...others]]) => {
    const [to = [], toThere = []] = [came.get(oid), cameThere.get(oid)];
    // As above, of contents that are the same nobody can tell which went where.
    if (others.length > 0 || to.length !== 1 || toThere.length !== 1 || theirs.has(to[0]!) || ours.has(toThere[0]!)) return [];
    return [{ from: from!, ours: to[0]!, theirs: toThere[0]! }];
  });
}

/** What only they have where only we have a directory, or the other way about: no disk has room for both. */
function crowded(ours: Manifest, theirs: Manifest, merged: Manifest, inAll: (path: string) => boolean): { path: string; against: string }[] {
  const found = new Map<string, string>();
  for (const path of merged.keys()) {
    if (ours.has(path) && theirs.has(path)) continue;
    for (const directory of directoriesOf(path)) {
      const isCommon = inAll(directory);
      if ((!isCommon && !merged.has(directory)) || ours.has(path) === (isCommon || ours.has(directory))) continue;
      if (ours.has(path)) found.set(directory, found.get(directory) ?? path);
      else found.set(path, directory);
    }
  }
  return [...found].map(([path, against]) => ({ path, against }));
}

function byOid(assets: readonly Asset[]): Map<string, string[]> {
  const paths = new Map<string, string[]>();
  for (const { oid, path } of assets) paths.set(oid, [...(paths.get(oid) ?? []), path]);
  return paths;
}

function move(manifest: Map<string, Asset>, from: string, to: string): void {
  const asset = manifest.get(from);
  if (asset === undefined) return;
  manifest.delete(from);
  manifest.set(to, { ...asset, path: to });
}
