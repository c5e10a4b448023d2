/**
 * The name for their version of an asset in conflict: `art/hero.ballast-theirs.psd` for `art/hero.psd`, so that the
 * same program opens it.
 */
export function besidePath(path: string): string {
  const [, directory, stem, extension] = /^(.*\/)?([^/]+?)(\.[^./]+)?$/.exec(path) as unknown as [string, string | undefined, string, string | undefined];
  return `${directory ?? ""}${stem}${MARK}${extension ?? ""}`;
}

/** Whether a path is of that kind: such files are never recorded. */
export function isBesidePath(path: string): boolean {
  return BESIDE.test(path);
}

const MARK = ".ballast-theirs";
const BESIDE = /\.ballast-theirs(\.[^./]+)?$/;

/** The same as patterns of Git's. */
export const EXCLUDES = ["*.ballast-theirs", "*.ballast-theirs.*"];
