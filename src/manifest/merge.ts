import type { Asset, Manifest } from "./manifest.ts";
import { sameAsset } from "./manifest.ts";
import { oidOf } from "../object/oid.ts";
import { directoriesOf } from "./place.ts";

export interface ManifestMerge {
  readonly merged: Manifest;
  /** Assets that both sides changed, each in its own way; `merged` has ours, and both names of what was renamed apart. */
  readonly conflicts: {
    path: string;
    ours: Asset | undefined;
    theirs: Asset | undefined;
    renamed?: RenamedApart;
    /** The asset of ours that takes the place: theirs needs a directory there, or is a file where ours needs one. */
    against?: string;
  }[];
}

/** One asset that both sides renamed, each to another name: a conflict for each of these. */
export interface RenamedApart {
  readonly from: string;
  readonly ours: string;
  readonly theirs: string;
}

/**
 * Merges three manifests asset by asset, the content and the executable bit each by itself. An edit on one side goes to
 * where the other side moved the asset. Order of the inputs' lines does not matter.
 */
export function mergeManifests(base: Manifest, ours: Manifest, theirs: Manifest): ManifestMerge {
  const [b, o, t] = [new Map(base), new Map(ours), new Map(theirs)];
  for (const [from, to] of movedUnderEdits(base, ours, theirs)) for (const side of [b, t]) move(side, from, to);
  for (const [from, to] of movedUnderEdits(base, theirs, ours)) for (const side of [b, o]) move(side, from, to);
  const merged = new Map<string, Asset>();
  const conflicts: ManifestMerge["conflicts"] = [];
  for (const path of new Set([...o.keys(), ...t.keys()])) {
    const sides = { base: b.get(path), ours: o.get(path), theirs: t.get(path) };
    let result = mergeAsset(sides);
    if (result === "conflict") {
      conflicts.push({ path, ours: sides.ours, theirs: sides.theirs });
      result = sides.ours;
    }
    if (result) merged.set(path, result);
  }
  for (const { path, against } of crowded(o, t, merged)) {
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
export function mergeBases(base: Manifest, ours: Manifest, theirs: Manifest): Manifest {
  const { merged, conflicts } = mergeManifests(base, ours, theirs);
  const all = new Map(merged);
  for (const { path, ours, theirs } of conflicts) all.set(path, { path, oid: oidOf(Buffer.from(`${ours?.oid} or ${theirs?.oid}`)), sizeBytes: 0, exec: false });
  return all;
}

interface Sides {
  readonly base: Asset | undefined;
  readonly ours: Asset | undefined;
  readonly theirs: Asset | undefined;
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
function crowded(ours: Manifest, theirs: Manifest, merged: Manifest): { path: string; against: string }[] {
  const found = new Map<string, string>();
  for (const path of merged.keys()) {
    if (ours.has(path) && theirs.has(path)) continue;
    for (const directory of directoriesOf(path)) {
      if (!merged.has(directory) || ours.has(path) === ours.has(directory)) continue;
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
