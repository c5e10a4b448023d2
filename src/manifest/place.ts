import type { Manifest } from "./manifest.ts";

/** The directories that a path needs, the top one first. */
export function* directoriesOf(path: string): Generator<string> {
  for (let end = path.indexOf("/"); end > 0; end = path.indexOf("/", end + 1)) yield path.slice(0, end);
}

/** The assets for which no disk has room beside one at `path`: what stands where it needs a directory, and what is below it. */
export function inTheWayOf(manifest: Manifest, path: string): string[] {
  const above = [...directoriesOf(path)].filter((directory) => manifest.has(directory));
  return above.concat([...manifest.keys()].filter((other) => other.startsWith(`${path}/`)));
}
