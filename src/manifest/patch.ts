import { placeOf } from "./find-asset.ts";
import { comparePaths } from "./path.ts";

/**
 * A manifest with other lines at some paths.
 * @param manifest as {@link formatManifest} writes it
 * @param lines by path, each with its line feed; undefined where there is to be none
 */
export function patchManifest(manifest: Buffer, lines: ReadonlyMap<string, string | undefined>): Buffer {
  const pieces: Buffer[] = [];
  let from = 0;
  for (const [path, line] of [...lines].sort(([a], [b]) => comparePaths(a, b))) {
    const place = placeOf(manifest, path);
    if (place === undefined) throw new Error("what is patched is no manifest");
    pieces.push(manifest.subarray(from, place.start));
    if (line !== undefined) pieces.push(Buffer.from(line));
    from = place.end;
  }
  return Buffer.concat([...pieces, manifest.subarray(from)]);
}
