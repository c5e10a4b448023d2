import { isBallastError } from "../errors.ts";
import { parseLine, type Asset } from "./manifest.ts";
import { comparePaths } from "./path.ts";

const LINE_FEED = 10;

/**
 * The asset that a manifest has at a path, found by halving: for few of many. In what is no manifest, or not in order,
 * it may be overlooked; what is found is there.
 */
export function findAsset(manifest: Buffer, path: string): Asset | undefined {
  return placeOf(manifest, path)?.asset;
}

/** Where the line of a path is in a manifest, or where it would be. */
export interface LinePlace {
  readonly start: number;
  /** Behind its line feed; `start` when there is no such line. */
  readonly end: number;
  readonly asset: Asset | undefined;
}

/** {@link findAsset}, and where; undefined for what is no manifest. */
export function placeOf(manifest: Buffer, path: string): LinePlace | undefined {
  // Between these two stand whole lines only, the header being none of them.
  let low = manifest.indexOf(LINE_FEED) + 1;
  let high = manifest.length;
  if (low === 0) return undefined;
  while (low < high) {
    const start = lineAt(manifest, low, (low + high) >>> 1);
    const end = manifest.indexOf(LINE_FEED, start) + 1;
    const asset = end === 0 ? undefined : read(manifest.toString("utf8", start, end - 1));
    if (asset === undefined) return undefined;
    const order = comparePaths(asset.path, path);
    if (order === 0) return { start, end, asset };
    if (order < 0) low = end;
    else high = start;
  }
  return { start: low, end: low, asset: undefined };
}

/** Where the line begins in which `middle` is. */
function lineAt(manifest: Buffer, low: number, middle: number): number {
  return middle === low ? low : Math.max(low, manifest.lastIndexOf(LINE_FEED, middle - 1) + 1);
}

function read(line: string): Asset | undefined {
  try {
    return parseLine(line, "", 0);
  } catch (error) {
    if (!isBallastError(error)) throw error;
    return undefined;
  }
}
